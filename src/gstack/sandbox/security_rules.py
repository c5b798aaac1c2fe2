"""Reading the rules of security groups from the parameters of an authorize call, in CloudStack's words."""

from __future__ import annotations

from typing import Any

from gstack.sandbox import subnets
from gstack.sandbox.errors import invalid, runtime
from gstack.sandbox.registry import Call
from gstack.sandbox.world import Row

LARGEST_PORT, LARGEST_PROTOCOL = 65535, 255
LARGEST_ICMP = 255


def ports(args: dict[str, Any]) -> Row:
    """Return protocol and ports (or ICMP type and code) of the rules; 431 for what CloudStack refuses."""
    protocol = (args.get("protocol") or "all").lower()
    if protocol == "all" or protocol.isdecimal():
        if protocol != "all" and int(protocol) > LARGEST_PROTOCOL:
            raise invalid(f"Invalid protocol {protocol}")
        return {"protocol": protocol, "startport": 0, "endport": 0}
    if protocol == "icmp":
        return {"protocol": protocol, **_icmp(args.get("icmptype"), args.get("icmpcode"))}
    if protocol not in ("tcp", "udp"):
        raise invalid(f"Invalid protocol {protocol}")
    return {"protocol": protocol, **_range(args.get("startport"), args.get("endport"))}


def _icmp(kind: int | None, code: int | None) -> Row:
    if kind is None or code is None or not -1 <= kind <= LARGEST_ICMP or not -1 <= code <= LARGEST_ICMP:
        raise invalid(f"Invalid icmp type/code specified, icmpType = {kind}, icmpCode = {code}")
    return {"icmptype": kind, "icmpcode": code}


def _range(start: int | None, end: int | None) -> Row:
    if start is None or end is None:
        raise invalid(f"Invalid port range specified, startPort = {start}, endPort = {end}")
    if (start, end) == (0, 0):
        end = LARGEST_PORT
    if start > end:
        raise invalid(f"Invalid port range {start}:{end}")
    if start < 0 or end > LARGEST_PORT:
        raise invalid(f"Invalid port numbers {start}:{end}")
    return {"startport": start, "endport": end}


def sources(call: Call, direction: str) -> list[Row]:
    """Return `cidr` or `sourceid` of each rule to be made; 530 if one of the rules is there already."""
    found = [_cidr(text) for text in call.args.get("cidrlist", [])]
    found += [_group(call, entry) for entry in call.args.get("usersecuritygrouplist", [])]
    if not found:
        raise invalid("At least one cidr or at least one security group needs to be specified")
    for source in found:
        if found.count(source) > 1 or _is_there(call, direction, {**ports(call.args), **source}):
            raise runtime(f"Failed to authorize security group {direction} rule(s)")
    return found


def _cidr(text: str) -> Row:
    if subnets.parse(text) is None:
        raise invalid(f"Invalid cidr {text}")
    return {"cidr": text}


def _group(call: Call, entry: dict[str, str]) -> Row:
    """Return a source group, named by its account and its name; in a project by the project's account."""
    account_name, name = entry.get("account"), entry.get("group")
    account = call.world.first("account", name=account_name)
    if account is None:
        raise invalid(f"Nonexistent account: {account_name} when trying to give access to group {name}")
    group = call.world.first("securitygroup", name=name, accountid=account["id"])
    if group is None:
        raise invalid(f"Nonexistent group {name} of account {account_name}: unable to authorize {call.name}")
    return {"sourceid": group["id"]}


def _is_there(call: Call, direction: str, wanted: Row) -> bool:
    wanted = {**wanted, "direction": direction}
    rules = call.world.find("securitygrouprule", securitygroupid=call.facts["id"])
    return any(wanted == {field: rule.get(field) for field in wanted} for rule in rules)
