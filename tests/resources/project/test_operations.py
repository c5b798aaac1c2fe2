"""The operation collections of all scopes, by the front door."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of, fault
from fixtures.servers import Stack
from gstack.cloudstack.client import CloudStack
from gstack.db.engine import create_engine
from gstack.operations.model import DONE, Draft, Operation, Target
from gstack.operations.store import Store

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"


@pytest.fixture(scope="module")
def zonal(product: Any) -> list[dict[str, Any]]:
    """An insert and a delete, done."""
    gce = Gce(product)
    insert = gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "op-vm")))
    return [insert, gce.done(gce.delete(f"zones/{VPC}/instances/op-vm"))]


def test_zonal_get_and_wait(gce: Gce, zonal: list[dict[str, Any]]) -> None:
    """An operation that is done looks the same wherever it is asked for, by name and by id."""
    for operation in zonal:
        for name in (operation["name"], operation["id"]):
            assert gce.get(f"zones/{VPC}/operations/{name}") == operation
            assert gce.post(f"zones/{VPC}/operations/{name}/wait") == operation


def test_zonal_list(gce: Gce, zonal: list[dict[str, Any]]) -> None:
    """Operations are listed in their zone, filtered and in pages."""
    path = f"zones/{VPC}/operations"
    names = {operation["name"] for operation in zonal}
    assert {one["name"] for one in gce.items(path)} >= names
    assert [one["operationType"] for one in gce.items(path, filter="operationType = delete")] == ["delete"]
    assert {one["name"] for one in gce.items(path, maxResults=1)} >= names
    assert gce.items("zones/sandbox-west1-a/operations") == []


def test_zones_other_name(gce: Gce) -> None:
    """An operation of a zone is found under each of the zone's names, and shows the name of the request."""
    operation = gce.done(gce.post("zones/sandbox-simulator-a/instances", body_of("sandbox-simulator-a", "op-alias")))
    assert operation["zone"].endswith("/zones/sandbox-simulator-a")
    for zone in (BASIC, "sandbox-simulator-a"):
        shown = gce.get(f"zones/{zone}/operations/{operation['name']}")
        assert shown["id"] == operation["id"]
        assert shown["selfLink"].endswith(f"/zones/{zone}/operations/{operation['name']}")
        assert shown["targetLink"].endswith(f"/zones/{zone}/instances/op-alias")
    gce.done(gce.delete(f"zones/{BASIC}/instances/op-alias"))


def test_zonal_unknown(gce: Gce, other: Gce, zonal: list[dict[str, Any]]) -> None:
    """An operation that is not there, not in this zone or not the caller's is a 404, for get, wait and delete."""
    name = zonal[0]["name"]
    for path in (f"zones/{VPC}/operations/none", f"zones/{BASIC}/operations/{name}"):
        assert gce.refused("GET", path, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
        gce.refused("POST", f"{path}/wait", 404)
        gce.refused("DELETE", path, 404)
    other.refused("GET", f"zones/{VPC}/operations/{name}", 404)
    gce.refused("GET", f"zones/nowhere/operations/{name}", 404)


def test_zonal_delete(gce: Gce, zonal: list[dict[str, Any]]) -> None:
    """A deleted operation is gone."""
    path = f"zones/{VPC}/operations/{zonal[0]['name']}"
    assert gce.call("DELETE", path).status_code == 204
    gce.refused("GET", path, 404)


REGION = "sandbox-east1"


@pytest.fixture(scope="module")
def regional(product: Stack) -> Operation:
    """A regional operation of the account `demo`, done."""
    return asyncio.run(_regional(product))


async def _regional(product: Stack) -> Operation:
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


def test_regional_get_wait_list(gce: Gce, regional: Operation) -> None:
    """A regional operation is got, waited for and listed in its region, and shows the region."""
    path = f"regions/{REGION}/operations/{regional.name}"
    operation: dict[str, Any] = gce.get(path)
    assert (operation["id"], operation["status"]) == (regional.id, "DONE")
    assert operation["region"].endswith(f"/projects/demo/regions/{REGION}")
    assert operation["selfLink"].endswith(path)
    assert gce.post(f"{path}/wait") == operation
    assert gce.items(f"regions/{REGION}/operations") == [operation]
    assert gce.items("regions/sandbox-west1/operations") == []
    assert operation in gce.get("aggregated/operations")["items"][f"regions/{REGION}"]["operations"]


def test_regional_unknown(gce: Gce) -> None:
    """An operation or a region that is not there is a 404 in Google's words, for every method."""
    path = f"regions/{REGION}/operations/none"
    for verb, asked in (("GET", path), ("POST", f"{path}/wait"), ("DELETE", path)):
        assert gce.refused(verb, asked, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
    gce.refused("GET", "regions/nowhere/operations", 404)


def test_regional_delete(gce: Gce, other: Gce, regional: Operation) -> None:
    """A regional operation is deleted by its owner, and by nobody else."""
    path = f"regions/{REGION}/operations/{regional.name}"
    other.refused("DELETE", path, 404)
    assert gce.call("DELETE", path).status_code == 204
    gce.refused("GET", path, 404)


@pytest.fixture(scope="module")
def global_operation(product: Any) -> dict[str, Any]:
    """A change of the project's metadata, done."""
    gce = Gce(product)
    return gce.done(gce.post("setCommonInstanceMetadata", {"items": [{"key": "a", "value": "b"}]}))


def test_global_get_wait_list(gce: Gce, global_operation: dict[str, Any]) -> None:
    """A global operation has neither zone nor region, and is got, waited for and listed."""
    assert "zone" not in global_operation
    assert "region" not in global_operation
    assert gce.get(f"global/operations/{global_operation['name']}") == global_operation
    assert gce.post(f"global/operations/{global_operation['name']}/wait") == global_operation
    assert global_operation in gce.items("global/operations")


def test_aggregated(gce: Gce, global_operation: dict[str, Any]) -> None:
    """All operations are listed under the scope that they are of; scopes without any say so."""
    zonal = gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "agg-vm")))
    gce.done(gce.delete(f"zones/{VPC}/instances/agg-vm"))
    grouped = gce.get("aggregated/operations")["items"]
    assert global_operation in grouped["global"]["operations"]
    assert zonal in grouped[f"zones/{VPC}"]["operations"]
    assert grouped["zones/sandbox-west1-a"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    assert "regions/sandbox-west1" in grouped


def test_global_unknown_and_delete(gce: Gce, other: Gce, global_operation: dict[str, Any]) -> None:
    """What is not there or not the caller's is a 404; a deleted operation is gone."""
    path = f"global/operations/{global_operation['name']}"
    other.refused("GET", path, 404)
    other.refused("DELETE", path, 404)
    assert gce.call("DELETE", path).status_code == 204
    assert gce.refused("GET", path, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"


__all__ = ["fault"]


def test_read_while_cloudstack_is_silent(gce: Gce, fault: Callable[..., None]) -> None:
    """An operation is read though CloudStack does not answer: the journal knows it."""
    operation = gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "silent-vm")))
    gce.done(gce.delete(f"zones/{VPC}/instances/silent-vm"))
    fault("*", "error", count=100)
    assert gce.get(f"zones/{VPC}/operations/{operation['name']}") == operation


def test_pages_of_the_journal(gce: Gce) -> None:
    """Pages of one operation each hold every operation once."""
    for value in ("1", "2", "3"):
        gce.done(gce.post("setCommonInstanceMetadata", {"items": [{"key": "a", "value": value}]}))
    listed = [operation["id"] for operation in gce.items("global/operations", maxResults=1)]
    assert len(listed) == len(set(listed)) == len(gce.items("global/operations"))


def test_members_of_a_bulk_insert(gce: Gce, fault: Callable[..., None]) -> None:
    """A bulk insert has a member for each instance, with its error, listed by operationGroupId and got by name."""
    properties = {
        name: value for name, value in body_of(VPC, "x").items() if name not in {"name", "deletionProtection"}
    }
    body = {"count": "2", "minCount": "1", "namePattern": "vm-#", "instanceProperties": properties}
    fault("deployVirtualMachine", "job_failed", errortext="No room here")
    whole = gce.done(gce.post(f"zones/{VPC}/instances/bulkInsert", body), seconds=120)
    path = f"zones/{VPC}/operations"
    found = gce.items(path, filter=f"operationGroupId = {whole['operationGroupId']}")
    parts: list[dict[str, Any]] = [one for one in found if one["operationType"] == "insert"]
    assert (len(found), len(parts)) == (3, 2)
    assert {one["targetLink"].split("/")[-1] for one in parts} == {"vm-1", "vm-2"}
    (failed,) = [one for one in parts if "error" in one]
    assert "No room here" in failed["error"]["errors"][0]["message"]
    for one in parts:
        assert gce.get(f"{path}/{one['name']}") == gce.post(f"{path}/{one['name']}/wait") == one
    for number in (0, 3):
        gce.refused("GET", f"{path}/{whole['name']}-{number}", 404)
    (vm,) = gce.items(f"zones/{VPC}/instances")
    gce.done(gce.delete(f"zones/{VPC}/instances/{vm['name']}"))
