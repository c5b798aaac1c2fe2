"""listReferrers, testIamPermissions and getGuestAttributes by the front door."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

VPC = "sandbox-east1-a"


def test_of_an_instance(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """No referrers, all permissions on instances, no guest attributes."""
    made(VPC, "vm-side")
    path = f"zones/{VPC}/instances/vm-side"
    assert gce.items(f"{path}/referrers") == gce.items(f"zones/{VPC}/instances/-/referrers") == []
    asked = {"permissions": ["compute.instances.stop", "storage.buckets.get"]}
    assert gce.post(f"{path}/testIamPermissions", asked)["permissions"] == ["compute.instances.stop"]
    refused = gce.refused("GET", f"{path}/getGuestAttributes", 404, queryPath="hostkeys/")
    assert (refused["reason"], "'hostkeys/'" in refused["message"]) == ("notFound", True)


def test_of_none(gce: Gce) -> None:
    """An instance that is not there is a 404 for each."""
    path = f"zones/{VPC}/instances/none"
    gce.refused("GET", f"{path}/referrers", 404)
    gce.refused("POST", f"{path}/testIamPermissions", 404, {"permissions": []})
    assert f"{path}'" in gce.refused("GET", f"{path}/getGuestAttributes", 404)["message"]
