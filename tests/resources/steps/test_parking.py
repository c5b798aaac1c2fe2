"""The parking network and the parking group."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.servers import Stack

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]
BODY = {"sourceImage": "projects/debian-cloud/global/images/family/debian-12"}


def test_the_network_can_be_deleted(gce: Gce, ask: Ask) -> None:
    """The tier that a deleted machine was in has no interface left in it."""
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-net")))
    tier = ask("listVirtualMachines", name="vm-net")["virtualmachine"][0]["nic"][0]["networkid"]
    gce.done(gce.delete(f"zones/{VPC}/instances/vm-net"))
    assert ask("deleteNetwork", id=tier)["success"]


def test_one_spare_network(gce: Gce, ask: Ask) -> None:
    """All deleted machines of a zone share one spare network, which is no network of Google's."""
    for name in ("vm-one", "vm-two"):
        gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, name)))
        gce.done(gce.delete(f"zones/{VPC}/instances/{name}"))
    spare = [network for network in ask("listNetworks")["network"] if network["name"] == "gstack-spare"]
    assert len(spare) == 1
    assert "gstack-spare" not in [network["name"] for network in gce.items("global/networks")]


def test_one_spare_network_for_many_at_once(start: Callable[..., Stack]) -> None:
    """Machines that are deleted at the same time, where no spare network is yet, make one."""
    stack = start()
    gce, names = Gce(stack), [f"vm-{number}" for number in range(4)]
    for operation in [gce.post(f"zones/{VPC}/instances", body_of(VPC, name)) for name in names]:
        gce.done(operation)
    with ThreadPoolExecutor(len(names)) as pool:
        begun = list(pool.map(lambda name: gce.delete(f"zones/{VPC}/instances/{name}"), names))
    for operation in begun:
        gce.done(operation)
    networks = stack.sandbox.sandbox.world.all("network")
    assert len([one for one in networks if one["name"] == "gstack-spare"]) == 1


@pytest.mark.parametrize("command", ["addNicToVirtualMachine", "removeNicFromVirtualMachine"])
def test_interface_that_cannot_move(gce: Gce, fault: Callable[..., None], command: str) -> None:
    """Where CloudStack will not move the interface the machine is deleted all the same, and the operation says so."""
    zone = "sandbox-west1-a"
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-tight")))
    fault(command, "job_failed", errortext="Not now")
    operation = gce.done(gce.delete(f"zones/{zone}/instances/vm-tight"))
    assert [warning["code"] for warning in operation["warnings"]] == ["CLEANUP_FAILED"]
    gce.refused("GET", f"zones/{zone}/instances/vm-tight", 404)


def test_one_closed_group(gce: Gce, ask: Ask, fault: Callable[..., None]) -> None:
    """Made once, also when the answers are lost; without ingress rules, and with one egress rule that leads nowhere."""
    for command in ("createSecurityGroup", "authorizeSecurityGroupEgress"):
        fault(command, "lost")
    for name in ("first", "second"):
        gce.done(gce.post(f"zones/{BASIC}/disks", {"name": name, **BODY}))
    groups = [one for one in ask("listSecurityGroups")["securitygroup"] if one["name"] == "gstack-spare"]
    assert [(one["ingressrule"], [rule["cidr"] for rule in one["egressrule"]]) for one in groups] == [
        ([], ["127.0.0.1/32"])
    ]
    assert "gstack-spare" not in [network["name"] for network in gce.items("global/networks")]


def test_the_rule_is_made_up_for(gce: Gce, ask: Ask) -> None:
    """A group that lost its rule gets it again, before a machine is in it."""
    found = ask("listSecurityGroups", securitygroupname="gstack-spare")["securitygroup"][0]
    ask("revokeSecurityGroupEgress", id=found["egressrule"][0]["ruleid"])
    gce.done(gce.post(f"zones/{BASIC}/disks", {"name": "third", **BODY}))
    assert len(ask("listSecurityGroups", id=found["id"])["securitygroup"][0]["egressrule"]) == 1
