"""zoneOperations by the front door."""

from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"


@pytest.fixture(scope="module")
def operations(product: Any) -> list[dict[str, Any]]:
    """An insert and a delete, done."""
    gce = Gce(product)
    insert = gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "op-vm")))
    return [insert, gce.done(gce.delete(f"zones/{VPC}/instances/op-vm"))]


def test_get_and_wait(gce: Gce, operations: list[dict[str, Any]]) -> None:
    """An operation that is done looks the same wherever it is asked for, by name and by id."""
    for operation in operations:
        for name in (operation["name"], operation["id"]):
            assert gce.get(f"zones/{VPC}/operations/{name}") == operation
            assert gce.post(f"zones/{VPC}/operations/{name}/wait") == operation


def test_list(gce: Gce, operations: list[dict[str, Any]]) -> None:
    """Operations are listed in their zone, filtered and in pages."""
    path = f"zones/{VPC}/operations"
    names = {operation["name"] for operation in operations}
    assert {one["name"] for one in gce.items(path)} >= names
    assert [one["operationType"] for one in gce.items(path, filter="operationType = delete")] == ["delete"]
    assert {one["name"] for one in gce.items(path, maxResults=1)} >= names
    assert gce.items("zones/sandbox-west1-a/operations") == []


def test_zones_other_name(gce: Gce) -> None:
    """An operation of a zone is found under each of the zone's names, and shows one."""
    operation = gce.done(gce.post("zones/sandbox-simulator-a/instances", body_of("sandbox-simulator-a", "op-alias")))
    assert f"/zones/{BASIC}/" in operation["selfLink"]
    for zone in (BASIC, "sandbox-simulator-a"):
        assert gce.get(f"zones/{zone}/operations/{operation['name']}") == operation
    gce.done(gce.delete(f"zones/{BASIC}/instances/op-alias"))


def test_unknown(gce: Gce, other: Gce, operations: list[dict[str, Any]]) -> None:
    """An operation that is not there, not in this zone or not the caller's is a 404, for get, wait and delete."""
    name = operations[0]["name"]
    for path in (f"zones/{VPC}/operations/none", f"zones/{BASIC}/operations/{name}"):
        assert gce.refused("GET", path, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
        gce.refused("POST", f"{path}/wait", 404)
        gce.refused("DELETE", path, 404)
    other.refused("GET", f"zones/{VPC}/operations/{name}", 404)
    gce.refused("GET", f"zones/nowhere/operations/{name}", 404)


def test_delete(gce: Gce, operations: list[dict[str, Any]]) -> None:
    """A deleted operation is gone."""
    path = f"zones/{VPC}/operations/{operations[0]['name']}"
    assert gce.call("DELETE", path).status_code == 204
    gce.refused("GET", path, 404)
