"""The instance that a URL means."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import Ask
from gstack.gateway.zone_names import in_alias

BASIC = "Sandbox-simulator"


def test_by_each_of_its_names(gce: Gce, made: Callable[..., dict[str, Any]], ask: Ask) -> None:
    """An instance is meant by its name in every name of its zone and by its id, not by CloudStack's host name."""
    vm = made(BASIC, "vm-named")
    assert gce.get(f"zones/{BASIC}/instances/{vm['id']}") == vm
    for path in (f"zones/sandbox-simulator-a/instances/{vm['id']}", "zones/sandbox-simulator-a/instances/vm-named"):
        assert gce.get(path) == in_alias(vm, BASIC, "sandbox-simulator-a")
    host = next(one["name"] for one in ask("listVirtualMachines")["virtualmachine"] if one["displayname"] == "vm-named")
    assert host.startswith("vm-named-")
    gce.refused("GET", f"zones/{BASIC}/instances/{host}", 404)


def test_destroyed_behind_our_back(gce: Gce, made: Callable[..., dict[str, Any]], ask: Ask) -> None:
    """A machine that somebody destroyed in CloudStack is gone here, and its name is free."""
    made(BASIC, "vm-lost")
    machine = next(one for one in ask("listVirtualMachines")["virtualmachine"] if one["displayname"] == "vm-lost")
    ask("destroyVirtualMachine", id=machine["id"])
    gce.refused("GET", f"zones/{BASIC}/instances/vm-lost", 404)
    gce.refused("GET", f"zones/{BASIC}/disks/vm-lost", 404)
    assert made(BASIC, "vm-lost")["status"] == "RUNNING"
