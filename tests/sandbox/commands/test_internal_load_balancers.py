"""Internal load balancers of tiers."""

from __future__ import annotations

from typing import Any

from fixtures.networking import machine, network, tier, vpc

INTERNAL = "DefaultIsolatedNetworkOfferingForVpcNetworksWithInternalLB"


def _sent(where: str, port: int = 80, **more: Any) -> dict[str, Any]:
    ports = {"sourceport": port, "instanceport": 8080}
    place = {"networkid": where, "sourceipaddressnetworkid": where}
    return {"name": "inner", "scheme": "Internal", "algorithm": "source", **place, **ports, **more}


def _tier(client: Any) -> str:
    addresses = {"gateway": "10.0.1.1", "netmask": "255.255.255.0"}
    identity: str = network(client, "inner", INTERNAL, vpcid=vpc(client)["id"], **addresses)["id"]
    return identity


def test_machines_are_members(demo: Any) -> None:
    """A balancer has an address of its tier, gets members by the usual command, and goes."""
    where = _tier(demo)
    made = demo.ok("createLoadBalancer", **_sent(where))["loadbalancer"]
    assert made["sourceipaddress"].startswith("10.0.1.")
    member = machine(demo, "inner-1", networkids=where)["id"]
    demo.ok("assignToLoadBalancerRule", id=made["id"], virtualmachineids=member)
    shown = demo.ok("listLoadBalancers", id=made["id"])["loadbalancer"][0]
    assert [row["id"] for row in shown["loadbalancerinstance"]] == [member]
    assert shown["loadbalancerrule"] == [{"sourceport": 80, "instanceport": 8080, "state": "Active"}]
    assert demo.ok("listLoadBalancerRules", id=made["id"]) == {}
    demo.ok("deleteLoadBalancer", id=made["id"])
    assert demo.ok("listLoadBalancers") == {}


def test_address_can_be_named(demo: Any) -> None:
    """A free address of the tier is taken; one from elsewhere, or one that is in use, is 431."""
    where = _tier(demo)
    made = demo.ok("createLoadBalancer", **_sent(where, sourceipaddress="10.0.1.50"))["loadbalancer"]
    assert made["sourceipaddress"] == "10.0.1.50"
    assert demo.failure("createLoadBalancer", **_sent(where, sourceipaddress="10.0.1.50"))[0] == 431
    assert demo.failure("createLoadBalancer", **_sent(where, sourceipaddress="10.0.2.50"))[0] == 431


def test_offering_decides_who_balances(demo: Any) -> None:
    """A tier balances inside or on public addresses, never both; other schemes are 431."""
    inside, outside = _tier(demo), tier(demo, vpc(demo)["id"])["id"]
    assert demo.failure("createLoadBalancer", **_sent(outside))[0] == 431
    assert demo.failure("createLoadBalancer", **_sent(inside, scheme="Public"))[0] == 431
    parent = demo.ok("listNetworks", id=inside)["network"][0]["vpcid"]
    address = demo.ok("associateIpAddress", vpcid=parent)["ipaddress"]["id"]
    sent = {"name": "lb", "algorithm": "source", "publicport": 80, "privateport": 80, "networkid": inside}
    assert demo.failure("createLoadBalancerRule", publicipid=address, **sent)[0] == 431
