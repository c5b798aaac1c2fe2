"""What an instances.update asks for, seen through its answers to partial bodies."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

VPC = "sandbox-east1-a"


def test_what_must_be_there(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A body without what every instance has is a 400 that names the field."""
    vm = made(VPC, "vm-whole")
    for field in ("disks", "networkInterfaces", "machineType"):
        body = {name: value for name, value in vm.items() if name != field}
        refused = gce.refused("PUT", f"zones/{VPC}/instances/vm-whole", 400, body)
        assert (refused["reason"], field in refused["message"]) == ("required", True)


def test_references_to_something_else(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """The last word alone does not make a reference the same: what says another collection or place is a 400."""
    vm = made(VPC, "vm-whole")
    disk, nic = vm["disks"][0], vm["networkInterfaces"][0]
    for field, value in (
        ("disks", [disk | {"source": f"zones/{VPC}/images/vm-whole"}]),
        ("disks", [disk | {"source": "projects/other/zones/sandbox-east1-a/disks/vm-whole"}]),
        ("networkInterfaces", [nic | {"network": "global/images/default"}]),
        ("networkInterfaces", [nic | {"subnetwork": "regions/sandbox-east1/addresses/default"}]),
        ("machineType", f"zones/{VPC}/diskTypes/n1-standard-1"),
        ("zone", f"global/images/{VPC}"),
    ):
        refused = gce.refused("PUT", f"zones/{VPC}/instances/vm-whole", 400, vm | {field: value})
        assert f"resource.{field}" in refused["message"]


def test_same_in_other_words(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """Short names, nulls and Google's own defaults are no differences."""
    vm = made(VPC, "vm-whole")
    body = {
        **vm,
        "machineType": "n1-standard-1",
        "zone": VPC,
        "labels": None,
        "scheduling": {"onHostMaintenance": "MIGRATE", "automaticRestart": True},
        "shieldedInstanceConfig": {"enableVtpm": False},
        "hostname": "",
    }
    gce.done(gce.call("PUT", f"zones/{VPC}/instances/vm-whole", body).json())
    assert gce.get(f"zones/{VPC}/instances/vm-whole")["fingerprint"] == vm["fingerprint"]
