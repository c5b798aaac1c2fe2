"""Network ACL lists of VPCs and their items: numbered allow and deny rules for what enters and leaves tiers."""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any

from gstack.sandbox import removal, subnets, views
from gstack.sandbox.commands.networks import check_acl_of_vpc, own_network
from gstack.sandbox.errors import CloudStackError, denied, invalid, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World

PROTOCOLS = "tcp,udp,icmp,all"
LARGEST_PROTOCOL, LARGEST_PORT, LARGEST_ICMP = 255, 65535, 255
EVERYONE = "0.0.0.0/0"
_FIELDS = ("protocol", "startport", "endport", "icmptype", "icmpcode", "traffictype", "action", "number", "reason")


@command("createNetworkACLList", vpcid="vpc")
def create_list(call: Call) -> Job:
    vpc = call.optional("vpc", "vpcid")
    if vpc is None:
        raise invalid("Unable to find VPC: vpcid is required")
    row: Row = {"name": call.args["name"], "vpcid": vpc["id"], "accountid": vpc["accountid"]}
    row |= {"description": call.args["description"]} if call.args.get("description") else {}
    row = call.world.put("networkacllist", row)
    return Job("NetworkAcl", answer={"id": row["id"]}, facts={"id": row["id"]})


@work("createNetworkACLList")
def created_list(call: Call) -> Answer:
    return {"networkacllist": to_list(call.world, call.world.one("networkacllist", call.facts["id"]))}


@failure("createNetworkACLList")
def not_created_list(call: Call) -> None:
    call.world.delete("networkacllist", call.facts["id"])


@command("listNetworkACLLists", id="networkacllist", vpcid="vpc", networkid="network")
def list_lists(call: Call) -> Answer:
    """Answer the caller's lists, newest first, then the two default ones, which belong to every VPC."""
    own = reversed(call.own_rows("networkacllist"))
    defaults = sorted(call.world.find("networkacllist", vpcid=None), key=lambda row: str(row["name"]))
    rows = chosen(call, [*own, *defaults], "name")
    if "vpcid" in call.args:
        rows = [row for row in rows if row.get("vpcid") in (None, call.args["vpcid"])]
    network = call.optional("network", "networkid")
    if network:
        rows = [row for row in rows if row["id"] == network.get("aclid")]
    return page(call, "networkacllist", rows, to_list)


def to_list(world: World, row: Row) -> Answer:
    shown: Answer = {"id": row["id"], "name": row["name"]}
    shown |= {"description": row["description"]} if "description" in row else {}
    vpc = world.get("vpc", row.get("vpcid"))
    return shown | ({"vpcid": vpc["id"], "vpcname": vpc["name"]} if vpc else {})


@command("updateNetworkACLList", id="networkacllist")
@command("deleteNetworkACLList", id="networkacllist")
def change_list(call: Call) -> Job:
    _no_default(call.entity("networkacllist", "id"))
    return Job("NetworkAcl")


@work("updateNetworkACLList")
def updated_list(call: Call) -> Answer:
    given = {field: call.args[field] for field in ("name", "description") if call.args.get(field)}
    return {"networkacllist": to_list(call.world, call.world.update("networkacllist", call.args["id"], **given))}


@work("deleteNetworkACLList")
def deleted_list(call: Call) -> Answer:
    row = call.world.get("networkacllist", call.args["id"])
    if row is None:
        raise invalid("Unable to find specified ACL")
    tiers = call.world.find("network", aclid=row["id"])
    if tiers:
        raise runtime(f"ACL is still associated with {len(tiers)} tier(s). Cannot delete network ACL: {row['id']}")
    removal.acl_list(call.world, row)
    return {"success": True}


@command("replaceNetworkACLList", aclid="networkacllist", networkid="network")
def replace_list(call: Call) -> Job:
    if "networkid" not in call.args:
        raise invalid("Network id is required: the sandbox has no private gateways")
    own_network(call, "networkid")
    return Job()


@work("replaceNetworkACLList")
def replaced_list(call: Call) -> Answer:
    network, acl = call.entity("network", "networkid"), call.entity("networkacllist", "aclid")
    if "vpcid" not in network:
        raise invalid("Network is not part of a VPC: " + str(network["id"]))
    check_acl_of_vpc(acl, network["vpcid"])
    call.world.update("network", network["id"], aclid=acl["id"])
    return {"success": True}


def _no_default(acl: Row) -> None:
    if "vpcid" not in acl:
        raise denied(f"Default ACL {acl['name']} cannot be changed")


@command("createNetworkACL", aclid="networkacllist", networkid="network")
def create_item(call: Call) -> Job:
    acl = _acl(call)
    row: Row = {"aclid": acl["id"], "accountid": acl["accountid"], "traffictype": "Ingress", "action": "Allow"}
    row |= _facts(call.args)
    if "number" not in row:
        row["number"] = _next_number(call.world, acl["id"])
    row = _checked(call.world, row)
    row = call.world.put("networkacl", {**row, "state": "Add"})
    return Job("NetworkAclItem", answer={"id": row["id"]}, facts={"id": row["id"]})


def _acl(call: Call) -> Row:
    """Return the list for a new item: the named one or that of the named tier, which gets one if necessary."""
    network = call.optional("network", "networkid")
    acl = call.world.get("networkacllist", call.args.get("aclid") or (network or {}).get("aclid"))
    if acl is None and network and "vpcid" in network:
        return _new_list_of(call.world, network)
    if acl is None:
        raise invalid("Cannot create Network ACL Item. ACL Id or network Id is required")
    if "vpcid" not in acl:
        raise invalid("Default ACL cannot be modified")
    return acl


def _new_list_of(world: World, network: Row) -> Row:
    vpc = world.one("vpc", network["vpcid"])
    name = f"VPC_{vpc['name']}_Tier_{network['name']}_ACL_{network['id']}"
    row = {"name": name, "description": f"ACL for {name}", "vpcid": vpc["id"], "accountid": vpc["accountid"]}
    row = world.put("networkacllist", row)
    world.update("network", network["id"], aclid=row["id"])
    return row


def _facts(args: dict[str, Any]) -> Row:
    facts: Row = {field: args[field] for field in _FIELDS if args.get(field) not in (None, "")}
    for field in ("traffictype", "action"):
        facts |= {field: facts[field].capitalize()} if field in facts else {}
    if "protocol" in facts:
        facts["protocol"] = facts["protocol"].strip().lower()
    if args.get("cidrlist"):
        facts["cidrlist"] = ",".join(args["cidrlist"])
    return facts


def _next_number(world: World, aclid: str) -> int:
    return max((int(item["number"]) for item in world.find("networkacl", aclid=aclid)), default=0) + 1


def _checked(world: World, row: Row) -> Row:
    """Return an item with its defaults; raise 431 for what CloudStack refuses.

    Like CloudStack, accept any part of the text "tcp,udp,icmp,all" as protocol, even `tcp,udp`.
    """
    _check_protocol(row["protocol"])
    _check_ports(row)
    for cidr in row.get("cidrlist", EVERYONE).split(","):
        if subnets.parse(cidr) is None and not _is_ipv6(cidr):
            raise invalid(f"Source cidrs formatting error {cidr}")
    for field in ("icmptype", "icmpcode"):
        if not -1 <= row.get(field, -1) <= LARGEST_ICMP:
            raise invalid(f"Invalid {field} [{row[field]}]. It should belong to [0-{LARGEST_ICMP}] range")
    for field, words in (("traffictype", ("Ingress", "Egress")), ("action", ("Allow", "Deny"))):
        if row[field] not in words:
            raise invalid(f"Invalid {field} [{row[field]}]. Expected one of: [{','.join(words)}]")
    _check_number(world, row)
    icmp = {"icmptype": row.get("icmptype", -1), "icmpcode": row.get("icmpcode", -1)}
    return {"cidrlist": EVERYONE, **row, **(icmp if row["protocol"] == "icmp" else {})}


def _is_ipv6(cidr: str) -> bool:
    try:
        return "/" in cidr and bool(IPv6Network(cidr, strict=False))
    except ValueError:
        return False


def _check_protocol(protocol: str) -> None:
    if protocol.isdecimal():
        if int(protocol) > LARGEST_PROTOCOL:
            raise invalid(f"Invalid protocol number [{protocol}]. Expected a number from 0 to {LARGEST_PROTOCOL}")
    elif protocol not in PROTOCOLS:
        raise invalid(f"Invalid protocol [{protocol}]. Expected one of: [{PROTOCOLS}]")


def _check_ports(row: Row) -> None:
    start: int | None = row.get("startport")
    end: int | None = row.get("endport", start)
    if start is None and end is None:
        return
    if start is None or end is None or not 0 <= start <= LARGEST_PORT or not 0 <= end <= LARGEST_PORT:
        raise invalid(f"Invalid port range [{start}-{end}]. Expected numbers from 1 to {LARGEST_PORT}")
    if start > end:
        raise invalid(f"Start port can't be bigger than end port [startport={start},endport={end}]")
    if row["protocol"] in ("icmp", "all"):
        raise invalid(f"Start port and end port cannot be given for protocol {row['protocol']}")
    row["endport"] = end


def _check_number(world: World, row: Row) -> None:
    if row["number"] < 1:
        raise invalid(f"Invalid number [{row['number']}]. Number cannot be < 1")
    for item in world.find("networkacl", number=row["number"], aclid=row["aclid"]):
        if item["id"] != row.get("id"):
            raise invalid(f"ACL item with number {row['number']} already exists in ACL: {row['aclid']}")


@work("createNetworkACL")
def created_item(call: Call) -> Answer:
    if call.world.get("networkacl", call.facts["id"]) is None:
        raise CloudStackError(530, "Failed to create network ACL item")
    row = call.world.update("networkacl", call.facts["id"], state="Active")
    return {"networkacl": to_item(call.world, row)}


@failure("createNetworkACL")
def not_created_item(call: Call) -> None:
    call.world.delete("networkacl", call.facts["id"])


@command("listNetworkACLs", id="networkacl", aclid="networkacllist", networkid="network")
def list_items(call: Call) -> Answer:
    rows = [row for row in reversed(_items(call)) if call.may_use(row)]
    return page(call, "networkacl", chosen(call, rows, "action", "traffictype", "protocol"), to_item)


def _items(call: Call) -> list[Row]:
    network = call.optional("network", "networkid")
    identity = call.args.get("aclid") or (network or {}).get("aclid")
    if identity or network:
        return call.world.find("networkacl", aclid=identity)
    return call.own_rows("networkacl")


def to_item(world: World, row: Row) -> Answer:
    acl = world.one("networkacllist", row["aclid"])
    shown: Answer = {"id": row["id"], "protocol": row["protocol"]}
    shown |= {field: str(row[field]) for field in ("startport", "endport") if field in row}
    shown |= {"traffictype": row["traffictype"], "state": row["state"], "cidrlist": row["cidrlist"]}
    shown |= {field: row[field] for field in ("icmptype", "icmpcode") if field in row}
    shown |= {"tags": views.short_tags(world, row["id"]), "aclid": acl["id"], "aclname": acl["name"]}
    shown |= {"number": row["number"], "action": row["action"]}
    return shown | ({"reason": row["reason"]} if "reason" in row else {})


@command("updateNetworkACLItem", id="networkacl")
@command("deleteNetworkACL", id="networkacl")
def change_item(call: Call) -> Job:
    _no_default(call.world.one("networkacllist", call.entity("networkacl", "id")["aclid"]))
    return Job("NetworkAclItem")


@work("updateNetworkACLItem")
def updated_item(call: Call) -> Answer:
    """Change an item. As recorded, the answer shows state Add although the item is active."""
    old = call.entity("networkacl", "id")
    rest = old if call.args.get("partialupgrade", True) else _bare(old)
    row = call.world.put("networkacl", _checked(call.world, {**rest, **_facts(call.args)}))
    return {"networkacl": {**to_item(call.world, row), "state": "Add"}}


def _bare(row: Row) -> Row:
    """Return what remains of an item if `partialupgrade` is false: CloudStack drops every field that is not sent."""
    fixed = {field: row[field] for field in ("id", "aclid", "accountid", "state", "number", "protocol")}
    return {**fixed, "traffictype": "Ingress", "action": "Allow"}


@command("moveNetworkAclItem", id="networkacl", previousaclruleid="networkacl", nextaclruleid="networkacl")
def move_item(call: Call) -> Job:
    _no_default(call.world.one("networkacllist", call.entity("networkacl", "id")["aclid"]))
    return Job()


@work("moveNetworkAclItem")
def moved_item(call: Call) -> Answer:
    """Move an item behind or before another one: it gets the next free number there."""
    before, after = call.optional("networkacl", "previousaclruleid"), call.optional("networkacl", "nextaclruleid")
    if before is None and after is None:
        raise invalid("Both previous and next ACL rule IDs cannot be invalid.")
    number = int(before["number"]) + 1 if before else int(after["number"]) - 1 if after else 1
    taken = {
        int(item["number"]) for item in call.world.find("networkacl", aclid=call.entity("networkacl", "id")["aclid"])
    }
    while number in taken:
        number += 1
    return {"networkacl": to_item(call.world, call.world.update("networkacl", call.args["id"], number=number))}


@work("deleteNetworkACL")
def deleted_item(call: Call) -> Answer:
    removal.remove(call.world, "networkacl", call.args["id"])
    return {"success": True}
