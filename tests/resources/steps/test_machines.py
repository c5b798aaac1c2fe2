"""Machines deployed and found again, started, stopped and given boot disks, when answers are lost."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.servers import Stack

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


@ZONES
def test_the_answer_is_lost(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str) -> None:
    """A machine that is on its way is waited for, and deployed once."""
    fault("deployVirtualMachine", "lost")
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "unheard")))
    assert gce.get(f"zones/{zone}/instances/unheard")["status"] == "RUNNING"
    assert ask("listVirtualMachines", keyword="unheard")["count"] == 1
    gce.done(gce.delete(f"zones/{zone}/instances/unheard"))


@ZONES
def test_what_failed_is_removed(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str) -> None:
    """The machine that a failed deployment leaves, in the state Error, does not stay."""
    fault("deployVirtualMachine", "job_failed", errortext="No host")
    operation = gce.finished(gce.post(f"zones/{zone}/instances", body_of(zone, "failing")))
    assert "No host" in operation["error"]["errors"][0]["message"]
    left = ask("listVirtualMachines").get("virtualmachine", [])
    assert [one["state"] for one in left if one["state"] != "Destroyed"] == []


@pytest.mark.parametrize(("verb", "command"), [("stop", "stopVirtualMachine"), ("start", "startVirtualMachine")])
def test_slow_and_lost(start: Callable[..., Stack], verb: str, command: str) -> None:
    """The command arrived, its answer did not, and its job takes longer than the first looks: it is not sent again."""
    stack = start(job_delay=4.0)
    gce = Gce(stack)
    gce.done(gce.post(f"zones/{BASIC}/instances", body_of(BASIC, "vm-way")))
    path = f"zones/{BASIC}/instances/vm-way"
    if verb == "start":
        gce.done(gce.post(f"{path}/stop"))
    _lose(stack, command)
    gce.done(gce.post(f"{path}/{verb}"))
    assert gce.get(path)["status"] == {"start": "RUNNING", "stop": "TERMINATED"}[verb]


def _lose(stack: Stack, command: str) -> None:
    url = stack.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
    requests.post(url, json={"command": command, "kind": "lost", "count": 1}, timeout=10).raise_for_status()


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
