"""gstack.firewalling.acl against GCE's semantics."""

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.firewalling.acl import LAST, TAIL, Item, difference, items, refusal, rule_name
from gstack.firewalling.rules import Command, rule_of

SSH = {"name": "ssh", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}


def applied(calls: list[Command], there: list[Item]) -> list[Item]:
    """What a list holds after these calls; it fails as CloudStack does on a number that is in use."""
    held = {item.id: item for item in there}
    for index, call in enumerate(calls):
        if call.command == "deleteNetworkACL":
            del held[call.parameters["id"]]
            continue
        item = _item(call.parameters, f"new-{len(there)}-{index}")
        assert item.number not in {one.number for one in held.values()}
        assert 1 <= item.number <= LAST
        held[item.id] = item
    return list(held.values())


def _item(sent: dict[str, Any], uuid: str) -> Item:
    first, last = sent.get("startport", sent.get("icmptype", 0)), sent.get("endport", sent.get("icmpcode", 0))
    cidrs = tuple(sent["cidrlist"].split(","))
    action, protocol, way = sent["action"], sent["protocol"], sent["traffictype"]
    return Item(way, action, protocol, first, last, cidrs, sent["reason"], sent["number"], uuid)


def lets(held: list[Item], packet: Any, direction: str) -> bool:
    """What the list does with a packet: the lowest number that matches decides; without one nothing is known."""
    matching = [item for item in held if item.direction == direction and _matches(item, packet)]
    return min(matching, key=lambda item: item.number).action == "Allow"


def _matches(item: Item, packet: Any) -> bool:
    number = {"tcp": 6, "udp": 17, "icmp": 1}.get(item.protocol)
    if item.protocol != "all" and packet.protocol != (int(item.protocol) if number is None else number):
        return False
    if number in {6, 17} and not item.first <= packet.port <= item.last:
        return False
    return any(ipaddress.ip_address(packet.address) in ipaddress.ip_network(one) for one in item.cidrs)


@given(data=st.data())
@pytest.mark.parametrize("direction", ["INGRESS", "EGRESS"])
def test_lists_pass_what_gce_passes(oracle: Any, direction: str, data: st.DataObject) -> None:
    """Allow and deny, both ways, at every priority: the list lets through exactly what GCE does."""
    bodies, packet = data.draw(oracle.acl_rules), data.draw(oracle.packets)
    held = applied(difference(items(map(rule_of, bodies)), []), [])
    assert lets(held, packet, direction.title()) == oracle.passes(bodies, packet, direction)


@given(data=st.data())
def test_the_difference_leads_from_any_rules_to_any_other(oracle: Any, data: st.DataObject) -> None:
    """From what is there to what is wanted: afterwards the list decides as if made anew, and nothing is left to do."""
    old, new = data.draw(oracle.acl_rules), data.draw(oracle.acl_rules)
    packet = data.draw(oracle.packets)
    before = applied(difference(items(map(rule_of, old)), []), [])
    after = applied(difference(items(map(rule_of, new)), before), before)
    assert difference(items(map(rule_of, new)), after) == []
    assert lets(after, packet, "Ingress") == oracle.passes(new, packet, "INGRESS")


@given(data=st.data())
def test_only_the_named_rules_are_touched(oracle: Any, data: st.DataObject) -> None:
    """A difference for one rule neither adds nor removes items of another, so that rules are added side by side."""
    old, new = data.draw(oracle.acl_rules), data.draw(oracle.acl_rules)
    before = applied(difference(items(map(rule_of, old)), []), [])
    after = applied(difference(items(map(rule_of, new)), before, {"r0"}), before)
    others = [item for item in before if rule_name(item) != "r0"]
    assert [item for item in after if rule_name(item) != "r0"] == others


def test_items_made_by_hand_stay() -> None:
    """An item that is not ours is left alone, and its number is not taken."""
    wanted = items([rule_of(SSH)])
    hand = Item("Ingress", "Allow", "tcp", 1, 2, ("10.0.0.0/8",), "by hand", wanted[0].number, "hand")
    calls = difference(wanted, [hand, *(msgspec.structs.replace(item, id=item.action) for item in TAIL)])
    assert [(call.command, call.parameters["number"]) for call in calls] == [("createNetworkACL", hand.number + 1)]


def test_the_list_ends_with_explicit_items() -> None:
    """Even with no rule a list says itself what GCE implies: all egress, no ingress."""
    sent = [(call.parameters["traffictype"], call.parameters["action"]) for call in difference([], [])]
    assert sent == [("Egress", "Allow"), ("Ingress", "Deny")]


def test_tags_are_refused_unless_widened() -> None:
    """Source tags never fit; target tags fit where the configuration widens them."""
    tagged = rule_of({**SSH, "targetTags": ["web"]})
    assert "target tag" in (refusal(tagged) or "")
    assert refusal(tagged, widen=True) is None
    assert "source tags" in (refusal(rule_of({**SSH, "sourceTags": ["web"]}), widen=True) or "")
    assert "ports of sctp" in (refusal(rule_of({**SSH, "allowed": [{"IPProtocol": "sctp", "ports": ["1"]}]})) or "")
