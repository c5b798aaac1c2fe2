"""GCE firewall rules, read from Google's `Firewall` bodies, and what no kind of zone can express of them. Pure.

A body has `allowed[]` or `denied[]`, each with `IPProtocol` (a name, or a number such as gcutil's `"6"`) and `ports[]`.
It also has ranges, tags, `direction`, `priority` and `disabled`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.firewalling.ranges import (
    ALL_PORTS,
    ANYWHERE,
    ICMP,
    PORT_PROTOCOLS,
    SCTP,
    TCP,
    UDP,
    Invalid,
    Ports,
    cidr,
    joined_cidrs,
    joined_ports,
    ports,
    protocol_name,
    protocol_number,
)

INGRESS, EGRESS = "INGRESS", "EGRESS"
DEFAULT_PRIORITY, LAST_PRIORITY = 1000, 65535


class Flow(msgspec.Struct, frozen=True, order=True):
    """Traffic of one protocol; -1 means every protocol. A protocol without ports has `ports` ALL_PORTS."""

    protocol: int
    ports: Ports = ALL_PORTS

    @property
    def name(self) -> str:
        """`tcp`, `all`, `47`."""
        return protocol_name(None if self.protocol < 0 else self.protocol)

    @property
    def filters_ports(self) -> bool:
        """Whether this is only some of the protocol's ports. Port 0 carries no traffic and does not count."""
        return self.ports.first > 1 or self.ports.last < ALL_PORTS.last


class Rule(msgspec.Struct, frozen=True):
    """One rule. Traffic matches by `ranges` or by `source_tags`. A rule without `target_tags` is for every machine.

    `ranges` are the sources of an ingress rule and the destinations of an egress rule. Flows are disjoint, and so are
    ranges.
    """

    name: str
    flows: tuple[Flow, ...]
    ranges: tuple[str, ...] = ()
    source_tags: frozenset[str] = frozenset()
    target_tags: frozenset[str] = frozenset()
    direction: str = INGRESS
    allow: bool = True
    priority: int = DEFAULT_PRIORITY
    disabled: bool = False

    @property
    def allows_all_egress(self) -> bool:
        """Whether this is the rule that GCE implies anyway: every machine may send anything anywhere."""
        everything = self.flows == (Flow(-1),) and self.ranges == (ANYWHERE,)
        return self.direction == EGRESS and self.allow and everything


class Command(msgspec.Struct, frozen=True):
    """A CloudStack command to send, with its parameters."""

    command: str
    parameters: dict[str, Any]


class Inexpressible(Exception):  # noqa: N818  # it becomes a Problem, whose name does not end in Error either
    """A zone cannot express a rule. `reason` completes the sentence "Zone Z cannot express the firewall rule R: …"."""

    def __init__(self, rule: str, zone: str, reason: str) -> None:
        super().__init__(f"Zone '{zone}' cannot express the firewall rule '{rule}': {reason}")
        self.rule = rule
        self.zone = zone
        self.reason = reason


def rule_of(body: Mapping[str, Any]) -> Rule:
    """Read Google's body. Raises Invalid where Google would refuse it."""
    direction = body.get("direction") or INGRESS
    if direction not in {INGRESS, EGRESS}:
        raise Invalid("direction", f"'{direction}' is not a direction. Send INGRESS or EGRESS.")
    allow, entries = _action(body)
    return Rule(
        name=str(body.get("name", "")),
        flows=_flows(entries, "allowed" if allow else "denied"),
        ranges=_ranges(body, direction),
        source_tags=frozenset(body.get("sourceTags") or ()),
        target_tags=frozenset(body.get("targetTags") or ()),
        direction=direction,
        allow=allow,
        priority=_priority(body.get("priority")),
        disabled=bool(body.get("disabled")),
    )


def flow_refusal(flow: Flow) -> str | None:
    """Return why CloudStack cannot filter this traffic, or None. It filters ports of tcp and udp only."""
    if flow.protocol == SCTP and flow.filters_ports:
        return "CloudStack filters ports of tcp and udp only. Leave out the ports of sctp."
    if flow.protocol in PORT_PROTOCOLS and flow.ports.last == 0:
        return "CloudStack has no port 0. Send ports from 1 to 65535."
    return None


def traffic(flow: Flow) -> tuple[str, int, int]:
    """Return a flow as CloudStack's protocol with its first and last port, or type and code of icmp, or zeros.

    CloudStack takes tcp, udp, icmp and all by name, and every other protocol by number. It has no port 0.
    """
    if flow.protocol in {TCP, UDP}:
        return flow.name, max(1, flow.ports.first), flow.ports.last
    if flow.protocol == ICMP:
        return "icmp", -1, -1
    return ("all" if flow.protocol < 0 else str(flow.protocol)), 0, 0


def bounds(protocol: str, first: int, last: int) -> dict[str, int]:
    """Return the parameters of a CloudStack command for the values that `traffic` returned."""
    if protocol in {"tcp", "udp"}:
        return {"startport": first, "endport": last}
    return {"icmptype": first, "icmpcode": last} if protocol == "icmp" else {}


def first_refusal(flows: Iterable[Flow]) -> str | None:
    """Return the first reason why CloudStack cannot filter one of these flows, or None."""
    return next((reason for flow in flows if (reason := flow_refusal(flow))), None)


def _action(body: Mapping[str, Any]) -> tuple[bool, Sequence[Mapping[str, Any]]]:
    allowed, denied = body.get("allowed") or (), body.get("denied") or ()
    if allowed and denied:
        raise Invalid("denied", "A rule has 'allowed' or 'denied', not both. Create two rules.")
    if not allowed and not denied:
        raise Invalid("allowed", "A rule needs at least one entry in 'allowed' or in 'denied'.")
    return bool(allowed), allowed or denied


def _flows(entries: Sequence[Mapping[str, Any]], field: str) -> tuple[Flow, ...]:
    found: dict[int, list[Ports]] = {}
    for index, entry in enumerate(entries):
        protocol, entry_ports = _entry(entry, f"{field}[{index}]")
        found.setdefault(protocol, []).extend(entry_ports)
    if -1 in found:
        return (Flow(-1),)
    return tuple(Flow(protocol, one) for protocol in sorted(found) for one in joined_ports(found[protocol]))


def _entry(entry: Mapping[str, Any], field: str) -> tuple[int, list[Ports]]:
    number = protocol_number(str(entry.get("IPProtocol", "")), f"{field}.IPProtocol")
    texts = entry.get("ports") or ()
    if texts and number not in PORT_PROTOCOLS:
        message = "Ports may only be specified on rules whose protocol is one of [TCP, UDP, SCTP]."
        raise Invalid(f"{field}.ports", message)
    found = [ports(str(text), f"{field}.ports[{index}]") for index, text in enumerate(texts)]
    return -1 if number is None else number, found or [ALL_PORTS]


def _ranges(body: Mapping[str, Any], direction: str) -> tuple[str, ...]:
    field, other = ("sourceRanges", "destinationRanges") if direction == INGRESS else ("destinationRanges", "")
    if other and body.get(other):
        raise Invalid(other, "An ingress rule cannot be bound to destination ranges in CloudStack. Leave them out.")
    if direction == EGRESS and (body.get("sourceRanges") or body.get("sourceTags")):
        wrong = "sourceRanges" if body.get("sourceRanges") else "sourceTags"
        raise Invalid(wrong, "An egress rule has destinationRanges and no sources. Leave them out.")
    texts = body.get(field) or ()
    found = [cidr(str(text), f"{field}[{index}]") for index, text in enumerate(texts)]
    if not found and not body.get("sourceTags"):
        found = [ANYWHERE]
    return joined_cidrs(found)


def _priority(value: Any) -> int:
    priority = DEFAULT_PRIORITY if value is None else int(value)
    if not 0 <= priority <= LAST_PRIORITY:
        raise Invalid("priority", f"'{value}' is not a priority. Send a number from 0 to {LAST_PRIORITY}.")
    return priority
