"""The oracle of the firewalling tests: what GCE lets through, written without a line of gstack.firewalling's.

A packet comes from an address, or from a machine of the network, to a machine. GCE decides by the rules that apply,
the lowest priority number first, deny before allow; with none, ingress is denied and egress allowed
(https://cloud.google.com/firewall/docs/firewalls).
"""

import ipaddress
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st

NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "esp": 50, "ah": 51, "sctp": 132, "ipip": 94}
TAGS = ("web", "db", "cache")
PORTED = ("tcp", "udp", "6", "17")
ADDRESSES = ("10.0.0.1", "10.1.2.3", "10.128.0.9", "192.0.2.1", "203.0.113.77", "8.8.8.8")
RANGES = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/9", "192.0.2.1", "203.0.113.64/26", "128.0.0.0/1")


class Packet(msgspec.Struct, frozen=True):
    """`tags` are those of the sending machine, `to` those of the receiving one. Egress swaps the addresses' meaning."""

    protocol: int
    port: int
    address: str
    tags: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()


def passes(rules: list[dict[str, Any]], packet: Packet, direction: str) -> bool:
    """What GCE does with this packet."""
    applying = [rule for rule in rules if _applies(rule, packet, direction)]
    first = min(applying, key=lambda rule: (rule.get("priority", 1000), "allowed" in rule), default=None)
    return direction == "EGRESS" if first is None else "allowed" in first


def _applies(rule: dict[str, Any], packet: Packet, direction: str) -> bool:
    if rule.get("disabled") or rule.get("direction", "INGRESS") != direction:
        return False
    if rule.get("targetTags") and not packet.to & set(rule["targetTags"]):
        return False
    return _peer(rule, packet, direction) and any(
        _carries(entry, packet) for entry in rule.get("allowed") or rule.get("denied") or []
    )


def _peer(rule: dict[str, Any], packet: Packet, direction: str) -> bool:
    ranges = rule.get("sourceRanges" if direction == "INGRESS" else "destinationRanges") or []
    if not ranges and not rule.get("sourceTags"):
        return True
    inside = any(ipaddress.ip_address(packet.address) in ipaddress.ip_network(one, strict=False) for one in ranges)
    return inside or bool(packet.tags & set(rule.get("sourceTags") or []))


def _carries(entry: dict[str, Any], packet: Packet) -> bool:
    protocol = entry["IPProtocol"].lower()
    if protocol == "all":
        return True
    if NUMBERS.get(protocol, -1) != packet.protocol and protocol != str(packet.protocol):
        return False
    if not entry.get("ports"):
        return True
    pairs = [(one.split("-")[0], one.split("-")[-1]) for one in entry["ports"]]
    return any(int(first) <= packet.port <= int(last) for first, last in pairs)


def _range(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{min(pair)}-{max(pair)}"


ports = st.tuples(st.sampled_from([1, 22, 80, 443, 8080, 65535]), st.sampled_from([1, 22, 81, 444, 9000, 65535]))
with_ports = st.fixed_dictionaries(
    {"IPProtocol": st.sampled_from(PORTED)}, optional={"ports": st.lists(ports.map(_range), max_size=3)}
)
without_ports = st.fixed_dictionaries({"IPProtocol": st.sampled_from(["icmp", "esp", "47", "ah", "all", "1", "sctp"])})
entries = st.lists(st.one_of(with_ports, without_ports), min_size=1, max_size=3)
tags = st.lists(st.sampled_from(TAGS), max_size=2, unique=True)
ranges = st.lists(st.sampled_from(RANGES), max_size=3, unique=True)


def _named(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**body, "name": f"r{index}"} for index, body in enumerate(bodies)]


group_rules = st.lists(
    st.fixed_dictionaries(
        {"allowed": entries},
        optional={"sourceRanges": ranges, "sourceTags": tags, "targetTags": tags, "disabled": st.booleans()},
    ),
    max_size=5,
).map(_named)

_common = {"priority": st.sampled_from([0, 1, 999, 1000, 65534, 65535]), "disabled": st.booleans()}
acl_rules = st.lists(
    st.one_of(
        *(
            st.fixed_dictionaries({action: entries, "direction": st.just(way)}, optional={**_common, field: ranges})
            for action in ("allowed", "denied")
            for way, field in (("INGRESS", "sourceRanges"), ("EGRESS", "destinationRanges"))
        )
    ),
    max_size=8,
).map(_named)

packets = st.builds(
    Packet,
    protocol=st.sampled_from([1, 6, 17, 47, 50, 51, 94, 132, 200]),
    port=st.sampled_from([1, 2, 22, 23, 80, 81, 443, 8080, 9001, 65535]),
    address=st.sampled_from(ADDRESSES),
)


class Oracle(msgspec.Struct, frozen=True):
    """What the tests get of this file."""

    passes: Callable[[list[dict[str, Any]], Packet, str], bool]
    packet: type[Packet]
    packets: Any
    group_rules: Any
    acl_rules: Any
    tags: Any


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """GCE's semantics, and strategies of rules and packets."""
    return Oracle(passes, Packet, packets, group_rules, acl_rules, tags)
