"""gstack.firewalling.groups against GCE's semantics."""

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.firewalling.groups import GroupRule, Machine, additions, compiled, refusal, removals
from gstack.firewalling.rules import rule_of

SSH = {"name": "ssh", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}


def lets(group: frozenset[GroupRule], packet: Any, sender: set[str]) -> bool:
    """What a CloudStack security group lets in, as its firewall reads it."""
    return any(_matches(rule, packet, sender) for rule in group)


def _matches(rule: GroupRule, packet: Any, sender: set[str]) -> bool:
    number = {"tcp": 6, "udp": 17, "icmp": 1}.get(rule.protocol)
    if rule.protocol != "all" and packet.protocol != (int(rule.protocol) if number is None else number):
        return False
    if number in {6, 17} and not rule.first <= packet.port <= rule.last:
        return False
    if rule.group:
        return rule.group in sender
    return ipaddress.ip_address(packet.address) in ipaddress.ip_network(rule.cidr)


@given(data=st.data())
def test_groups_pass_what_gce_passes(oracle: Any, data: st.DataObject) -> None:
    """A packet from an address or from a machine reaches a machine exactly when GCE's rules let it."""
    bodies, packet = data.draw(oracle.group_rules), data.draw(oracle.packets)
    sender, receiver = frozenset(data.draw(oracle.tags)), frozenset(data.draw(oracle.tags))
    machines = [Machine("own-sender", sender), Machine("own-receiver", receiver)]
    groups = compiled(map(rule_of, bodies), "net", machines)
    packet = msgspec.structs.replace(packet, tags=sender, to=receiver)
    passed = lets(groups["net"] | groups["own-receiver"], packet, {"net", "own-sender"})
    assert passed == oracle.passes(bodies, packet, "INGRESS")


@given(data=st.data())
def test_strangers_do_not_gain_by_tags(oracle: Any, data: st.DataObject) -> None:
    """A packet from outside the network is let in by ranges alone, whatever tags the machines carry."""
    bodies, packet = data.draw(oracle.group_rules), data.draw(oracle.packets)
    receiver = frozenset(data.draw(oracle.tags))
    groups = compiled(map(rule_of, bodies), "net", [Machine("own", receiver), Machine("other", frozenset({"web"}))])
    packet = msgspec.structs.replace(packet, to=receiver)
    assert lets(groups["net"] | groups["own"], packet, set()) == oracle.passes(bodies, packet, "INGRESS")


def test_inside_ranges_become_the_network_group() -> None:
    """The range of the network's own machines is their group, so that a neighbour with such an address stays out."""
    rule = rule_of({**SSH, "sourceRanges": ["10.128.0.0/9", "192.0.2.0/24"]})
    groups = compiled([rule], "net", [], frozenset({"10.128.0.0/9"}))
    assert groups["net"] == {GroupRule("tcp", 22, 22, cidr="192.0.2.0/24"), GroupRule("tcp", 22, 22, group="net")}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"allowed": None, "denied": [{"IPProtocol": "all"}]}, "cannot deny"),
        ({"priority": 900}, "priority"),
        ({"direction": "EGRESS"}, "egress is open"),
        ({"allowed": [{"IPProtocol": "sctp", "ports": ["5000"]}]}, "ports of sctp"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["0"]}]}, "port 0"),
    ],
)
def test_what_groups_cannot_say_is_refused(change: dict[str, Any], said: str) -> None:
    """Every rule that groups cannot express exactly is refused with the reason."""
    assert said in (refusal(rule_of({**SSH, **change})) or "")


@pytest.mark.parametrize(
    "change",
    [{}, {"priority": 65534}, {"direction": "EGRESS", "allowed": [{"IPProtocol": "all"}]}, {"targetTags": ["web"]}],
)
def test_what_groups_can_say_is_taken(change: dict[str, Any]) -> None:
    """Allow rules with tags, Google's own priority and an allow-all for egress are taken."""
    assert refusal(rule_of({**SSH, **change})) is None


def test_additions_join_cidrs_and_groups_of_the_same_traffic() -> None:
    """Rules of the same traffic are one call per kind of source, with ports only where CloudStack takes them."""
    missing = {
        GroupRule("tcp", 22, 22, cidr="10.0.0.0/8"),
        GroupRule("tcp", 22, 22, cidr="192.0.2.0/24"),
        GroupRule("tcp", 22, 22, group="own"),
        GroupRule("icmp", -1, -1, cidr="0.0.0.0/0"),
        GroupRule("50", 0, 0, cidr="0.0.0.0/0"),
    }
    sent = [call.parameters for call in additions("id", "demo", missing)]
    shell = {"securitygroupid": "id"}
    assert sent == [
        {**shell, "protocol": "50", "cidrlist": "0.0.0.0/0"},
        {**shell, "protocol": "icmp", "icmptype": -1, "icmpcode": -1, "cidrlist": "0.0.0.0/0"},
        {**shell, "protocol": "tcp", "startport": 22, "endport": 22, "cidrlist": "10.0.0.0/8,192.0.2.0/24"},
        {
            **shell,
            "protocol": "tcp",
            "startport": 22,
            "endport": 22,
            "usersecuritygrouplist": [{"account": "demo", "group": "own"}],
        },
    ]


def test_removals_name_rule_ids() -> None:
    """A rule is taken away by CloudStack's id of it."""
    (call,) = removals({GroupRule("tcp", 22, 22, cidr="10.0.0.0/8"): "rule-1"})
    assert (call.command, call.parameters) == ("revokeSecurityGroupIngress", {"id": "rule-1"})
