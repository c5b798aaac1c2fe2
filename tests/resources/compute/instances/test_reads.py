"""Everything that is read of instances, by the front door."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


def test_list_and_aggregated(gce: Gce, made: Made) -> None:
    """Instances are listed by zone, and all together under their zones, each as `get` shows it."""
    first, second = made(VPC, "vm-a"), made(BASIC, "vm-b")
    assert gce.items(f"zones/{VPC}/instances") == [first]
    grouped = gce.get("aggregated/instances")["items"]
    assert grouped[f"zones/{VPC}"]["instances"] == [first]
    assert grouped[f"zones/{BASIC}"]["instances"] == [second]
    assert grouped["zones/sandbox-west1-a"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"


def test_by_name_in_a_filter(gce: Gce, made: Made) -> None:
    """A filter on the name finds the one instance, in both dialects, also over all zones."""
    made(VPC, "vm-a")
    made(VPC, "vm-b")
    for text in ("name = vm-a", "name eq vm-a", 'name="vm-a" AND status = RUNNING'):
        assert [one["name"] for one in gce.items(f"zones/{VPC}/instances", filter=text)] == ["vm-a"]
    grouped = gce.get("aggregated/instances", filter="name eq ^vm-b$")["items"]
    assert [one["name"] for one in grouped[f"zones/{VPC}"]["instances"]] == ["vm-b"]


def test_pages(gce: Gce, made: Made) -> None:
    """Small pages hold every instance once, with its disks."""
    for name in ("vm-a", "vm-b", "vm-c"):
        made(VPC, name)
    listed = gce.items(f"zones/{VPC}/instances", maxResults=1)
    assert sorted(one["name"] for one in listed) == ["vm-a", "vm-b", "vm-c"]
    assert all(len(one["disks"]) == 1 for one in listed)


def test_by_id_and_unknown(gce: Gce, made: Made) -> None:
    """An instance is got by its id too; what is not there is a 404 in Google's words."""
    vm = made(VPC, "vm-a")
    assert gce.get(f"zones/{VPC}/instances/{vm['id']}") == vm
    for name in ("none", "123456789"):
        refused = gce.refused("GET", f"zones/{VPC}/instances/{name}", 404)
        assert refused["message"] == f"The resource 'projects/demo/zones/{VPC}/instances/{name}' was not found"
    gce.refused("GET", f"zones/{BASIC}/instances/{vm['id']}", 404)
    gce.refused("GET", "zones/nowhere/instances/vm-a", 404)


def test_others_see_nothing(gce: Gce, other: Gce, made: Made) -> None:
    """Another account sees none of them, by name or by id, and does not disturb what is known of them."""
    vm = made(BASIC, "vm-a", description="mine")
    assert other.items(f"zones/{BASIC}/instances") == []
    for name in ("vm-a", vm["id"]):
        other.refused("GET", f"zones/{BASIC}/instances/{name}", 404)
    assert gce.get(f"zones/{BASIC}/instances/vm-a")["description"] == "mine"


def test_calls(gce: Gce, made: Made, spent: Callable[..., dict[str, int]]) -> None:
    """A get, and a page of a list, cost one CloudStack call for machines and one for volumes."""
    made(VPC, "vm-a")
    gce.get(f"zones/{VPC}/instances/vm-a")
    for path in (f"zones/{VPC}/instances/vm-a", f"zones/{VPC}/instances", "aggregated/instances"):
        assert spent(lambda path=path: gce.get(path), "listVirtualMachines", "listVolumes") == {
            "listVirtualMachines": 1,
            "listVolumes": 1,
        }


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
