"""Checks that firewall, port forwarding and balancer rules share: protocols, ports, conflicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from gstack.sandbox.errors import conflict, invalid
from gstack.sandbox.world import Row, World

LARGEST_PORT = 65535
FIREWALL_CONFLICT = 4360  # cserrorcode of CloudStack's conflicts between firewall rules, as recorded


def check_protocol(protocol: str, allowed: Collection[str]) -> None:
    if protocol.lower() not in allowed:
        raise invalid(f"Protocol {protocol} is not supported: one of {', '.join(allowed)} is")


def check_port(port: int) -> int:
    if not 1 <= port <= LARGEST_PORT:
        raise invalid(f"publicPort is an invalid value: {port}")
    return port


def check_ports(args: dict[str, Any], protocol: str) -> Row:
    """Return the ports, or ICMP type and code, of a firewall rule; no port means every port."""
    start, end = args.get("startport"), args.get("endport", args.get("startport"))
    if protocol == "icmp":
        if start is not None or end is not None:
            raise invalid("Can't specify start/end port when protocol is ICMP")
        return {"icmptype": args.get("icmptype", -1), "icmpcode": args.get("icmpcode", -1)}
    if "icmptype" in args or "icmpcode" in args:
        raise invalid("Can specify icmpCode and icmpType for ICMP protocol only")
    if start is None or end is None:
        return {}
    if protocol == "all":
        raise invalid("Can't specify start/end port when protocol is all")
    return _range(start, end)


def _range(start: int, end: int) -> Row:
    for port in (start, end):
        if not 1 <= port <= LARGEST_PORT:
            raise invalid(f"Invalid port {port}")
    if start > end:
        raise invalid(f"Start port can't be bigger than end port: {start}-{end}")
    return {"startport": start, "endport": end}


def check_conflict(world: World, new: Row) -> None:
    """Raise 537 if a firewall rule of the same address or network, protocol and CIDR has a port in common.

    Like CloudStack, accept the same ports with other CIDRs.
    """
    place = "ipaddressid" if "ipaddressid" in new else "networkid"
    for rule in world.find("firewallrule", **{place: new[place]}):
        if rule["traffictype"] == new["traffictype"] and _same_traffic(rule, new):
            raise conflict(_text(new, rule, "Firewall", "startport", "endport"), FIREWALL_CONFLICT)


def _same_traffic(rule: Row, new: Row) -> bool:
    if rule["protocol"] != new["protocol"] or not set(rule["cidrlist"]) & set(new["cidrlist"]):
        return False
    if set(rule["destcidrlist"]) != set(new["destcidrlist"]):
        return False
    if new["protocol"] == "icmp":
        return (rule["icmptype"], rule["icmpcode"]) == (new["icmptype"], new["icmpcode"])
    return bool(_low(rule) <= _high(new) and _low(new) <= _high(rule))


def _low(rule: Row) -> int:
    return int(rule.get("startport", 1))


def _high(rule: Row) -> int:
    return int(rule.get("endport", LARGEST_PORT))


def check_public_ports(world: World, address: Row, first: int, last: int, protocol: str) -> None:
    """Raise 537 if port forwarding or a balancer uses one of these ports of an address."""
    if address["isstaticnat"]:
        raise conflict(f"There is already static NAT enabled for the ip address {address['ipaddress']}")
    forwarding = world.find("portforwardingrule", ipaddressid=address["id"])
    _check_uses(forwarding, (first, last, protocol), "PortForwarding", "publicendport")
    balancers = world.find("loadbalancer", publicipid=address["id"])
    _check_uses(balancers, (first, last, protocol), "LoadBalancing", "publicport")


def _check_uses(rules: Iterable[Row], wanted: tuple[int, int, str], purpose: str, end: str) -> None:
    first, last, protocol = wanted
    for rule in rules:
        if _transport(rule.get("protocol")) != _transport(protocol):
            continue
        if rule["publicport"] <= last and first <= rule[end]:
            raise conflict(_text({"publicport": first, end: last}, rule, purpose, "publicport", end), FIREWALL_CONFLICT)


def _transport(protocol: str | None) -> str:
    return "udp" if protocol == "udp" else "tcp"


def _text(new: Row, rule: Row, purpose: str, start: str, end: str) -> str:
    shown = f'{{"purpose":"{purpose}","state":"{rule["state"]}","uuid":"{rule["id"]}"}}'
    return (
        f"The range specified, {new.get(start)}-{new.get(end)}, conflicts with rule FirewallRule {shown} which has "
        f"{rule.get(start)}-{rule.get(end)}"
    )
