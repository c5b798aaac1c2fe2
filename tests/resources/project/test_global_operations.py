"""globalOperations by the front door."""

from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

VPC = "sandbox-east1-a"


@pytest.fixture(scope="module")
def operation(product: Any) -> dict[str, Any]:
    """A change of the project's metadata, done."""
    gce = Gce(product)
    return gce.done(gce.post("setCommonInstanceMetadata", {"items": [{"key": "a", "value": "b"}]}))


def test_get_wait_list(gce: Gce, operation: dict[str, Any]) -> None:
    """A global operation has neither zone nor region, and is got, waited for and listed."""
    assert "zone" not in operation
    assert "region" not in operation
    assert gce.get(f"global/operations/{operation['name']}") == operation
    assert gce.post(f"global/operations/{operation['name']}/wait") == operation
    assert operation in gce.items("global/operations")


def test_aggregated(gce: Gce, operation: dict[str, Any]) -> None:
    """All operations are listed under the scope that they are of; scopes without any say so."""
    zonal = gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "agg-vm")))
    gce.done(gce.delete(f"zones/{VPC}/instances/agg-vm"))
    grouped = gce.get("aggregated/operations")["items"]
    assert operation in grouped["global"]["operations"]
    assert zonal in grouped[f"zones/{VPC}"]["operations"]
    assert grouped["zones/sandbox-west1-a"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    assert "regions/sandbox-west1" in grouped


def test_unknown_and_delete(gce: Gce, other: Gce, operation: dict[str, Any]) -> None:
    """What is not there or not the caller's is a 404; a deleted operation is gone."""
    path = f"global/operations/{operation['name']}"
    other.refused("GET", path, 404)
    other.refused("DELETE", path, 404)
    assert gce.call("DELETE", path).status_code == 204
    assert gce.refused("GET", path, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
