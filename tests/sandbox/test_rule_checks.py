"""Checks of ports and conflicts that several kinds of rules share."""

from __future__ import annotations

import pytest

from gstack.sandbox import rule_checks
from gstack.sandbox.errors import CloudStackError
from gstack.sandbox.world import World

RULE = {
    "ipaddressid": "a",
    "protocol": "tcp",
    "cidrlist": ["0.0.0.0/0"],
    "destcidrlist": [],
    "traffictype": "Ingress",
    "state": "Active",
}


def _conflicts(world: World, **changes: object) -> bool:
    try:
        rule_checks.check_conflict(world, {**RULE, **changes})
    except CloudStackError as error:
        return (error.code, error.cserrorcode) == (537, 4360)
    return False


def test_end_port_is_the_start_port_by_default() -> None:
    """One port given is a range of one; none is every port; ICMP has a type and a code instead."""
    assert rule_checks.check_ports({"startport": 5}, "tcp") == {"startport": 5, "endport": 5}
    assert rule_checks.check_ports({}, "udp") == {}
    assert rule_checks.check_ports({"icmptype": 8}, "icmp") == {"icmptype": 8, "icmpcode": -1}


@pytest.mark.parametrize("port", [0, 65536])
def test_port_is_one_of_sixteen_bits(port: int) -> None:
    """Port 0 and what is beyond 65535 are refused."""
    with pytest.raises(CloudStackError):
        rule_checks.check_port(port)


def test_every_port_conflicts_with_one() -> None:
    """A rule for every port and one for a single port have that port in common."""
    world = World()
    world.put("firewallrule", {**RULE})
    assert _conflicts(world, startport=80, endport=80)
    assert not _conflicts(world, startport=80, endport=80, protocol="udp")
    assert not _conflicts(world, startport=80, endport=80, cidrlist=["10.0.0.0/8"])
    assert not _conflicts(world, startport=80, endport=80, ipaddressid="b")
    world.close()


def test_neighbouring_ranges_do_not_conflict() -> None:
    """Ranges that touch without a port in common pass."""
    world = World()
    world.put("firewallrule", {**RULE, "startport": 10, "endport": 20})
    assert not _conflicts(world, startport=21, endport=30)
    assert _conflicts(world, startport=20, endport=30)
    world.close()
