"""What a network gets in a zone when instances come there, looked at in CloudStack."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, EAST, WEST = "Sandbox-simulator", "sandbox-east1-a", "sandbox-west1-a"


def test_the_first_machines_of_a_zone_share_what_they_make(gce: Gce, ask: Ask) -> None:
    """Machines that are made at once in an untouched zone end in one VPC and one tier, with one ACL list."""
    names = [f"first-{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda name: gce.post(f"zones/{WEST}/instances", body_of(WEST, name)), names))
        list(pool.map(gce.done, started))
    zone = next(one["id"] for one in ask("listZones")["zone"] if one["name"] == WEST)
    (vpc,) = ask("listVPCs", zoneid=zone)["vpc"]
    (tier,) = vpc["network"]
    assert (vpc["name"], vpc["cidr"], tier["name"], tier["aclname"]) == (
        "default",
        "10.0.0.0/8",
        *["default"],
        "gce-default",
    )
    machines = ask("listVirtualMachines", zoneid=zone)["virtualmachine"]
    assert {nic["networkid"] for machine in machines for nic in machine["nic"]} == {tier["id"]}
    shown = gce.get("regions/sandbox-west1/subnetworks/default")
    assert shown["ipCidrRange"] == tier["cidr"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: gce.done(gce.delete(f"zones/{WEST}/instances/{name}")), names))


def test_a_network_that_is_there_costs_no_looking(gce: Gce, made: Any, spent: Any) -> None:
    """The second machine of a network finds it among what was just read: nothing is made and no list is read."""
    made(EAST, "vm-a")
    commands = ("createVPC", "createNetwork", "createNetworkACL*", "listNetworkACL*", "listVPCOfferings")
    assert not any(spent(lambda: made(EAST, "vm-b"), *commands).values())


@pytest.mark.parametrize(
    ("zone", "rule"),
    [
        (EAST, {"allowed": [{"IPProtocol": "tcp"}], "targetTags": ["web"]}),
        (BASIC, {"denied": [{"IPProtocol": "tcp"}]}),
    ],
)
def test_a_firewall_that_came_meanwhile_binds_the_instance(
    gce: Gce, made: Any, fault: Any, zone: str, rule: dict[str, Any]
) -> None:
    """A firewall may come into an empty zone that cannot express it while the first instance is created: that fails."""
    made(zone, "vm-before")
    gce.done(gce.delete(f"zones/{zone}/instances/vm-before"))
    fault("deployVirtualMachine", "slow", seconds=6)
    operation = gce.post(f"zones/{zone}/instances", body_of(zone, "vm-meanwhile"))
    assert operation["status"] != "DONE"
    gce.done(gce.post("global/firewalls", {"name": "meanwhile", "network": "global/networks/default", **rule}))
    ended = gce.finished(operation)
    assert "cannot express the firewall rule 'meanwhile'" in ended["error"]["errors"][0]["message"]
    gce.refused("GET", f"zones/{zone}/instances/vm-meanwhile", 404)
    gce.done(gce.delete("global/firewalls/meanwhile"))
