"""A bulk insert's operation is shown with one for each instance, as gcloud looks for them."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import body_of
from gstack.resources.compute.instances.bulk_members import parse_member

VPC = "sandbox-east1-a"


def test_names() -> None:
    """A member's name is its operation's and a number."""
    assert parse_member("operation-1-ab-12") == ("operation-1-ab", 12)
    assert parse_member("operation-1-ab") is None
    assert parse_member("operation-0") is None


def test_members(gce: Gce, fault: Callable[..., None]) -> None:
    """Listed by operationGroupId, and by name, there is one for each instance, failed ones with their error."""
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
    gce.refused("GET", f"{path}/{whole['name']}-3", 404)
    (vm,) = gce.items(f"zones/{VPC}/instances")
    gce.done(gce.delete(f"zones/{VPC}/instances/{vm['name']}"))
