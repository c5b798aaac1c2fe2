"""Security groups and their rules: what may reach the machines of a group, and what they may reach."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from gstack.sandbox import removal, subnets, views
from gstack.sandbox.errors import in_use, invalid, missing_entity, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World

INGRESS, EGRESS = "ingress", "egress"
DEFAULT = "default"
_FIELDS = ("protocol", "startport", "endport", "icmptype", "icmpcode", "cidr")
LARGEST_PORT, LARGEST_PROTOCOL = 65535, 255
LARGEST_ICMP = 255


@command("createSecurityGroup")
def create_group(call: Call) -> Answer:
    name = call.args["name"]
    if call.world.first("securitygroup", name=name, accountid=call.owner["id"]):
        raise invalid(f"Unable to create security group, a group with name {name} already exists.")
    row: Row = {"name": name, "accountid": call.owner["id"]}
    row |= {"description": call.args["description"]} if call.args.get("description") else {}
    return {"securitygroup": to_group(call.world, call.world.put("securitygroup", row), [])}


@command("deleteSecurityGroup", id="securitygroup")
def delete_group(call: Call) -> Answer:
    """Delete a group at once; 536 if a rule names it, its own included, or a machine is in it."""
    row = _named(call, "id", "name")
    if row["name"] == DEFAULT:
        raise invalid("The network group default is reserved")
    if call.world.find("securitygrouprule", sourceid=row["id"]):
        raise in_use("Cannot delete group when there are security rules that allow this group")
    if members(call.world, row["accountid"]).get(row["id"]):
        raise in_use("Cannot delete group when it's in use by virtual machines")
    for rule in call.world.find("securitygrouprule", securitygroupid=row["id"]):
        removal.remove(call.world, "securitygrouprule", rule["id"])
    removal.remove(call.world, "securitygroup", row["id"])
    return {"success": True}


def _named(call: Call, by_id: str, by_name: str) -> Row:
    if by_id in call.args:
        return call.require_use(call.entity("securitygroup", by_id))
    name = call.args.get(by_name)
    row = call.world.first("securitygroup", name=name, accountid=call.owner["id"]) if name else None
    if row is None:
        raise invalid(f"Unable to find security group by {by_id} or by {by_name}={name}")
    return row


def members(world: World, account_id: str) -> dict[str, list[str]]:
    """Return the machines of each group of an account, with destroyed ones, which stay until they are expunged."""
    found: dict[str, list[str]] = defaultdict(list)
    for machine in world.find("virtualmachine", accountid=account_id):
        for group in machine["securitygroupids"]:
            found[group].append(machine["id"])
    return found


@command("listSecurityGroups", id="securitygroup", virtualmachineid="virtualmachine")
def list_groups(call: Call) -> Answer:
    rows = chosen(call, call.own_rows("securitygroup"))
    name = call.args.get("securitygroupname")
    if name is not None:
        rows = [row for row in rows if row["name"].lower() == name.lower()]
    machine = call.optional("virtualmachine", "virtualmachineid")
    if machine:
        rows = [row for row in rows if row["id"] in machine["securitygroupids"]]
    found = {owner: members(call.world, owner) for owner in {row["accountid"] for row in rows}}
    return page(
        call, "securitygroup", rows, lambda world, row: to_group(world, row, found[row["accountid"]].get(row["id"], []))
    )


def to_group(world: World, row: Row, machines: list[str]) -> Answer:
    rules = world.find("securitygrouprule", securitygroupid=row["id"])
    shown = _head(world, row)
    for direction in (INGRESS, EGRESS):
        mine = [rule for rule in rules if rule["direction"] == direction]
        shown[f"{direction}rule"] = [to_rule(world, rule) | {"tags": views.tags(world, rule["id"])} for rule in mine]
    tags = views.tags(world, row["id"])
    return {**shown, "tags": tags, "virtualmachinecount": len(machines), "virtualmachineids": machines}


def _head(world: World, row: Row) -> Answer:
    shown: Answer = {"id": row["id"], "name": row["name"]}
    shown |= {"description": row["description"]} if "description" in row else {}
    return shown | views.owner(world, row)


def to_rule(world: World, row: Row) -> Answer:
    shown: Answer = {"ruleid": row["id"], **{field: row[field] for field in _FIELDS if field in row}}
    source = world.get("securitygroup", row.get("sourceid"))
    if source:
        account = world.one("account", source["accountid"])["name"]
        shown |= {"securitygroupname": source["name"], "account": account}
    return shown


@command("authorizeSecurityGroupIngress", securitygroupid="securitygroup")
def authorize_ingress(call: Call) -> Job:
    return _authorize(call)


@command("authorizeSecurityGroupEgress", securitygroupid="securitygroup")
def authorize_egress(call: Call) -> Job:
    return _authorize(call)


def _authorize(call: Call) -> Job:
    row = _named(call, "securitygroupid", "securitygroupname")
    return Job("SecurityGroup", row["id"], facts={"id": row["id"]})


@work("authorizeSecurityGroupIngress")
def authorized_ingress(call: Call) -> Answer:
    return _authorized(call, INGRESS)


@work("authorizeSecurityGroupEgress")
def authorized_egress(call: Call) -> Answer:
    return _authorized(call, EGRESS)


def _authorized(call: Call, direction: str) -> Answer:
    """Create one rule for each CIDR and each source group; return the new rules only."""
    group = call.world.one("securitygroup", call.facts["id"])
    common = {"securitygroupid": group["id"], "accountid": group["accountid"], "direction": direction}
    same = ports(call.args)
    new = [{**common, **same, **source} for source in sources(call, direction)]
    created = [to_rule(call.world, call.world.put("securitygrouprule", rule)) for rule in new]
    shown: Answer = {**_head(call.world, group), "ingressrule": [], "egressrule": [], f"{direction}rule": created}
    return {"securitygroup": {**shown, "tags": views.tags(call.world, group["id"]), "virtualmachineids": []}}


def ports(args: dict[str, Any]) -> Row:
    """Return protocol and ports (or ICMP type and code) of the rules; 431 for what CloudStack refuses."""
    protocol = (args.get("protocol") or "all").lower()
    if protocol == "all" and ("startport" in args or "endport" in args):
        raise invalid("Cannot specify startPort or endPort without specifying protocol")
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
    if kind is None or code is None:
        raise invalid(f"Invalid icmp type/code specified, icmpType = {kind}, icmpCode = {code}")
    if (kind == -1) != (code == -1):
        raise invalid("Invalid icmp code" if kind == -1 else "Invalid icmp code: need non-negative icmp code ")
    if not -1 <= kind <= LARGEST_ICMP or not -1 <= code <= LARGEST_ICMP:
        raise invalid("Invalid icmp type/code ")
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
    """Return `cidr` or `sourceid` of each new rule; raise 530 if one of the rules exists."""
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


@command("revokeSecurityGroupIngress", id="securitygrouprule")
def revoke_ingress(call: Call) -> Job:
    return _revoke(call, INGRESS)


@command("revokeSecurityGroupEgress", id="securitygrouprule")
def revoke_egress(call: Call) -> Job:
    return _revoke(call, EGRESS)


def _revoke(call: Call, direction: str) -> Job:
    rule = call.entity("securitygrouprule", "id")
    if rule["direction"] != direction:
        raise missing_entity(call.name, "id", rule["id"])
    return Job("SecurityGroup", rule["securitygroupid"])


@work("revokeSecurityGroupIngress", "revokeSecurityGroupEgress")
def revoked(call: Call) -> Answer:
    removal.remove(call.world, "securitygrouprule", call.args["id"])
    return {"success": True}
