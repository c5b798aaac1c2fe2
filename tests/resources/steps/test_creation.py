"""The steps that make a machine: what fails leaves nothing, what is lost is not repeated."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


@ZONES
@pytest.mark.parametrize("command", ["deployVirtualMachine", "attachVolume", "createTags"])
def test_failure_leaves_nothing(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str, command: str) -> None:
    """When a step fails the operation says why, and no machine, disk or name is left."""
    extra = {"autoDelete": True, "initializeParams": {"diskName": "extra", "diskSizeGb": "5"}}
    disks = [*body_of(zone, "x")["disks"], extra]
    body = body_of(zone, "vm-fails", disks=disks, labels={"a": "b"})
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(f"zones/{zone}/instances", body))
    assert "No room here" in operation["httpErrorMessage"] + operation["error"]["errors"][0]["message"]
    assert operation["httpErrorStatusCode"] >= 400
    gce.refused("GET", f"zones/{zone}/instances/vm-fails", 404)
    assert not [
        machine for machine in ask("listVirtualMachines").get("virtualmachine", []) if "vm-fails" in str(machine)
    ]
    assert not [one for one in gce.items(f"zones/{zone}/disks") if one["name"] in {"extra", "vm-fails"}]
    gce.done(gce.post(f"zones/{zone}/instances", body))
    gce.done(gce.delete(f"zones/{zone}/instances/vm-fails"))
    gce.refused("GET", f"zones/{zone}/instances/vm-fails", 404)


@ZONES
@pytest.mark.parametrize("command", ["deployVirtualMachine", "createVolume", "attachVolume", "createTags"])
def test_lost_answers(gce: Gce, fault: Callable[..., None], zone: str, command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice."""
    disks = [
        *body_of(zone, "x")["disks"],
        {"initializeParams": {"diskName": "spare", "diskSizeGb": "5"}, "autoDelete": True},
    ]
    fault(command, "lost")
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-lost", disks=disks, labels={"a": "b"})))
    vm = gce.get(f"zones/{zone}/instances/vm-lost")
    assert (vm["status"], vm["labels"], len(vm["disks"])) == ("RUNNING", {"a": "b"}, 2)
    gce.done(gce.delete(f"zones/{zone}/instances/vm-lost"))
    assert not [one for one in gce.items(f"zones/{zone}/disks") if one["name"] in {"spare", "vm-lost"}]
