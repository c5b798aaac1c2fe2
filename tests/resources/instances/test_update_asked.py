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
