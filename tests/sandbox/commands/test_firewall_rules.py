"""Firewall rules of addresses and networks in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.networking import network, vpc


@pytest.fixture
def net(demo: Any) -> dict[str, Any]:
    return network(demo, "net", gateway="10.50.0.1", netmask="255.255.255.0")


@pytest.fixture
def address(demo: Any, net: dict[str, Any]) -> str:
    identity: str = demo.ok("associateIpAddress", networkid=net["id"])["ipaddress"]["id"]
    return identity


def test_rule_without_cidr_is_for_everybody(demo: Any, address: str) -> None:
    """A rule shows its ports as numbers and, without CIDRs, lets everybody in; lists are newest first."""
    first = demo.ok("createFirewallRule", ipaddressid=address, protocol="tcp", startport=22, endport=22)["firewallrule"]
    assert (first["startport"], first["cidrlist"], first["traffictype"]) == (22, "0.0.0.0/0", "Ingress")
    second = demo.ok("createFirewallRule", ipaddressid=address, protocol="icmp")["firewallrule"]
    assert (second["icmptype"], second["icmpcode"]) == (-1, -1)
    listed = demo.ok("listFirewallRules", ipaddressid=address)["firewallrule"]
    assert [rule["id"] for rule in listed] == [second["id"], first["id"]]


def test_overlapping_ports_conflict(demo: Any, address: str) -> None:
    """Ports in common for a CIDR in common are 537; the same ports for another CIDR, or protocol, pass."""
    rule = {"ipaddressid": address, "startport": 20, "endport": 30}
    demo.ok("createFirewallRule", protocol="tcp", cidrlist="10.0.0.0/8,11.0.0.0/8", **rule)
    overlapping = {**rule, "startport": 30, "endport": 40}
    code, text = demo.failure("createFirewallRule", protocol="tcp", cidrlist="11.0.0.0/8", **overlapping)
    assert (code, text.endswith("which has 20-30")) == (537, True)
    demo.ok("createFirewallRule", protocol="tcp", cidrlist="12.0.0.0/8", **rule)
    demo.ok("createFirewallRule", protocol="udp", cidrlist="10.0.0.0/8", **rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"protocol": "esp"},
        {"protocol": "all"},
        {"protocol": "tcp", "startport": 9, "endport": 8},
        {"protocol": "tcp", "startport": 0, "endport": 8},
        {"protocol": "icmp", "startport": 1},
        {"protocol": "tcp", "icmptype": 1},
        {"protocol": "tcp", "cidrlist": "10.0.0.1"},
    ],
)
def test_bad_rules_are_refused(demo: Any, address: str, rule: dict[str, Any]) -> None:
    """What CloudStack's firewall cannot do is refused with 431."""
    assert demo.failure("createFirewallRule", ipaddressid=address, **rule)[0] == 431


def test_no_firewall_in_a_vpc(demo: Any) -> None:
    """Addresses of VPCs have ACLs, not firewall rules."""
    row = demo.ok("associateIpAddress", vpcid=vpc(demo)["id"])["ipaddress"]["id"]
    assert demo.failure("createFirewallRule", ipaddressid=row, protocol="tcp")[0] == 431


def test_egress_is_for_guests_of_the_network(demo: Any, net: dict[str, Any]) -> None:
    """An egress rule is for the whole network by default and cannot be for others."""
    rule = demo.ok("createEgressFirewallRule", networkid=net["id"], protocol="all")["firewallrule"]
    assert (rule["cidrlist"], rule["destcidrlist"], rule["traffictype"]) == ("10.50.0.0/24", "", "Egress")
    outside = {"networkid": net["id"], "protocol": "tcp", "cidrlist": "10.51.0.0/24"}
    assert demo.failure("createEgressFirewallRule", **outside)[0] == 431
    towards = {"networkid": net["id"], "protocol": "all", "destcidrlist": "8.8.8.0/24"}
    assert demo.ok("createEgressFirewallRule", **towards)["firewallrule"]["destcidrlist"] == "8.8.8.0/24"
    assert demo.ok("listEgressFirewallRules", networkid=net["id"])["count"] == 2
    assert demo.ok("listFirewallRules", networkid=net["id"]) == {}


def test_rules_are_deleted(demo: Any, net: dict[str, Any], address: str) -> None:
    """A deleted rule is gone, and so are the rules of a disassociated address."""
    rule = demo.ok("createEgressFirewallRule", networkid=net["id"], protocol="all")["firewallrule"]["id"]
    assert demo.ok("updateEgressFirewallRule", id=rule)["firewallrule"]["id"] == rule
    assert demo.ok("deleteEgressFirewallRule", id=rule) == {"success": True}
    spare = demo.ok("associateIpAddress", networkid=net["id"])["ipaddress"]["id"]
    kept = demo.ok("createFirewallRule", ipaddressid=spare, protocol="tcp")["firewallrule"]["id"]
    demo.ok("disassociateIpAddress", id=spare)
    assert demo.failure("deleteFirewallRule", id=kept)[0] == 431


def test_rules_of_others_are_hidden(demo: Any, other: Any, address: str) -> None:
    """Another account cannot list, delete or create rules on an address."""
    rule = demo.ok("createFirewallRule", ipaddressid=address, protocol="tcp")["firewallrule"]["id"]
    assert other.ok("listFirewallRules", id=rule) == {}
    assert other.failure("deleteFirewallRule", id=rule)[0] == 531
    assert other.failure("createFirewallRule", ipaddressid=address, protocol="udp")[0] == 531
