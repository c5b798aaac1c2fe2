"""regionOperations by the front door.

No method makes a regional operation yet, so the tests write one into the journal, as another replica would.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fixtures.gce import Gce
from fixtures.servers import Stack
from gstack.cloudstack.client import CloudStack
from gstack.db.engine import create_engine
from gstack.operations.model import DONE, Draft, Operation, Target
from gstack.operations.store import Store

REGION = "sandbox-east1"


@pytest.fixture(scope="module")
def written(product: Stack) -> Operation:
    """A regional operation of the account `demo`, done."""
    return asyncio.run(_written(product))


async def _written(product: Stack) -> Operation:
    async with CloudStack(product.settings.cloudstack.endpoint) as cloudstack:
        listed = await cloudstack.client(product.pair()).send("listAccounts")
    owner = next(account["id"] for account in listed["account"] if account["name"] == "demo")
    target = Target(f"regions/{REGION}", "addresses", "a1", "17")
    draft = Draft("none", owner, "demo", "compute.addresses.insert", "insert", target, "me@x", "c", None, {})
    engine = create_engine(product.settings.database_url)
    store = Store(engine, "another replica", 30.0)
    record, _ = await store.begin(draft)
    now = datetime.now(UTC)
    done = msgspec.structs.replace(record.operation, status=DONE, progress=100, start_time=now, end_time=now)
    await store.finish(done)
    await engine.dispose()
    return done


def test_get_wait_list(gce: Gce, written: Operation) -> None:
    """A regional operation is got, waited for and listed in its region, and shows the region."""
    path = f"regions/{REGION}/operations/{written.name}"
    operation: dict[str, Any] = gce.get(path)
    assert (operation["id"], operation["status"]) == (written.id, "DONE")
    assert operation["region"].endswith(f"/projects/demo/regions/{REGION}")
    assert operation["selfLink"].endswith(path)
    assert gce.post(f"{path}/wait") == operation
    assert gce.items(f"regions/{REGION}/operations") == [operation]
    assert gce.items("regions/sandbox-west1/operations") == []
    assert operation in gce.get("aggregated/operations")["items"][f"regions/{REGION}"]["operations"]


def test_unknown(gce: Gce) -> None:
    """An operation or a region that is not there is a 404 in Google's words, for every method."""
    path = f"regions/{REGION}/operations/none"
    for verb, asked in (("GET", path), ("POST", f"{path}/wait"), ("DELETE", path)):
        assert gce.refused(verb, asked, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
    gce.refused("GET", "regions/nowhere/operations", 404)


def test_delete(gce: Gce, other: Gce, written: Operation) -> None:
    """A regional operation is deleted by its owner, and by nobody else."""
    path = f"regions/{REGION}/operations/{written.name}"
    other.refused("DELETE", path, 404)
    assert gce.call("DELETE", path).status_code == 204
    gce.refused("GET", path, 404)
