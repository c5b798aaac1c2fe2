"""gstack.firewalling.rules: how Google's body is read."""

from typing import Any

import pytest

from gstack.firewalling.ranges import Invalid, Ports
from gstack.firewalling.rules import Flow, bounds, flow_refusal, rule_of, traffic

TCP = [{"IPProtocol": "tcp", "ports": ["22"]}]


def test_entries_are_joined() -> None:
    """Names and numbers of one protocol are one flow each, ports that touch are one range."""
    body = {"allowed": [{"IPProtocol": "6", "ports": ["80", "81-90"]}, {"IPProtocol": "TCP", "ports": ["85-100"]}]}
    assert rule_of(body).flows == (Flow(6, Ports(80, 100)),)


def test_all_swallows_the_rest() -> None:
    """Where every protocol is meant the others say nothing more."""
    assert rule_of({"allowed": [*TCP, {"IPProtocol": "all"}]}).flows == (Flow(-1),)


def test_defaults_are_google_s() -> None:
    """Without anything said a rule is ingress, from everywhere, at priority 1000."""
    rule = rule_of({"allowed": TCP})
    assert (rule.direction, rule.ranges, rule.priority, rule.allow) == ("INGRESS", ("0.0.0.0/0",), 1000, True)


def test_source_tags_alone_mean_no_range() -> None:
    """A rule with source tags and no ranges lets nobody in by address."""
    assert rule_of({"allowed": TCP, "sourceTags": ["web"]}).ranges == ()


def test_ranges_are_canonical_and_disjoint() -> None:
    """Host bits are cut, single addresses are /32, ranges inside others vanish."""
    body = {"allowed": TCP, "sourceRanges": ["10.1.2.3/8", "10.9.0.0/16", "192.0.2.7"]}
    assert rule_of(body).ranges == ("10.0.0.0/8", "192.0.2.7/32")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "allowed"),
        ({"allowed": TCP, "denied": TCP}, "denied"),
        ({"allowed": [{"IPProtocol": "tpc"}]}, "allowed[0].IPProtocol"),
        ({"allowed": [{}]}, "allowed[0].IPProtocol"),
        ({"allowed": [{"IPProtocol": "256"}]}, "allowed[0].IPProtocol"),
        ({"allowed": [{"IPProtocol": "²"}]}, "allowed[0].IPProtocol"),
        ({"allowed": [{"IPProtocol": "icmp", "ports": ["8"]}]}, "allowed[0].ports"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["80", "x"]}]}, "allowed[0].ports[1]"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["90-80"]}]}, "allowed[0].ports[0]"),
        ({"denied": [{"IPProtocol": "tcp", "ports": ["70000"]}]}, "denied[0].ports[0]"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["1-2-3"]}]}, "allowed[0].ports[0]"),
        ({"allowed": TCP, "sourceRanges": ["10.0.0.0/8", "300.0.0.0/8"]}, "sourceRanges[1]"),
        ({"allowed": TCP, "sourceRanges": ["::/0"]}, "sourceRanges[0]"),
        ({"allowed": TCP, "destinationRanges": ["10.0.0.0/8"]}, "destinationRanges"),
        ({"allowed": TCP, "direction": "EGRESS", "sourceRanges": ["10.0.0.0/8"]}, "sourceRanges"),
        ({"allowed": TCP, "direction": "EGRESS", "sourceTags": ["web"]}, "sourceTags"),
        ({"allowed": TCP, "direction": "BOTH"}, "direction"),
        ({"allowed": TCP, "priority": 65536}, "priority"),
        ({"allowed": TCP, "priority": -1}, "priority"),
    ],
)
def test_bad_bodies_name_the_field(body: dict[str, Any], field: str) -> None:
    """What Google would not take is refused with the path of the field."""
    with pytest.raises(Invalid) as refused:
        rule_of(body)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("flow", "words", "parameters"),
    [
        (Flow(6, Ports(0, 80)), ("tcp", 1, 80), {"startport": 1, "endport": 80}),
        (Flow(17), ("udp", 1, 65535), {"startport": 1, "endport": 65535}),
        (Flow(1), ("icmp", -1, -1), {"icmptype": -1, "icmpcode": -1}),
        (Flow(50), ("50", 0, 0), {}),
        (Flow(-1), ("all", 0, 0), {}),
    ],
)
def test_traffic_is_in_cloudstack_s_words(flow: Flow, words: tuple[str, int, int], parameters: dict[str, int]) -> None:
    """CloudStack gets names it knows, numbers else, and ports from 1 on."""
    assert traffic(flow) == words
    assert bounds(*words) == parameters


def test_ports_of_sctp_are_refused() -> None:
    """CloudStack cannot filter ports of sctp, all of them it can."""
    assert flow_refusal(Flow(132, Ports(5000, 5000)))
    assert flow_refusal(Flow(132)) is None
