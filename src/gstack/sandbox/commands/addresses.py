"""Public addresses: Free, Reserved for an account, or Allocated to a network or a VPC."""

from __future__ import annotations

from gstack.sandbox import limits, removal, views
from gstack.sandbox.commands.networks import isolated_network
from gstack.sandbox.errors import CloudStackError, denied, invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World, now

FREE, RESERVED, ALLOCATING, ALLOCATED = "Free", "Reserved", "Allocating", "Allocated"
_EXACT = ("ipaddress", "zoneid", "vpcid", "associatednetworkid", "issourcenat", "isstaticnat")


@command("listPublicIpAddresses", id="publicip", vpcid="vpc", associatednetworkid="network")
def list_addresses(call: Call) -> Answer:
    rows = chosen(call, _candidates(call), *_EXACT)
    if "networkid" in call.args:
        zones = {zone["id"] for zone in call.world.find("zone", publicnetworkid=call.args["networkid"])}
        rows = [row for row in rows if row["zoneid"] in zones]
    if call.args.get("forvirtualnetwork") is False or call.args.get("forsystemvms"):
        rows = []
    if call.args.get("retrieveonlyresourcecount"):
        return {"count": len(rows)}
    return page(call, "publicipaddress", sorted(rows, key=lambda row: int(row["number"])), to_address)


def _candidates(call: Call) -> list[Row]:
    """Return the caller's addresses, and Free ones on request; Reserved ones only for that `state`, as recorded."""
    state = call.args.get("state", "").lower()
    own = call.own_rows("publicip")
    if state:
        rows = call.world.find("publicip", state=FREE) if state == FREE.lower() else own
        return [row for row in rows if row["state"].lower() == state]
    if call.args.get("allocatedonly", True):
        return [row for row in own if row["state"] != RESERVED]
    return [*own, *call.world.find("publicip", state=FREE)]


@command("reserveIpAddress")
def reserve(call: Call) -> Answer:
    row = _named(call)
    if row["state"] != FREE:
        raise invalid(f"Ip address {row['ipaddress']} is not in state Free: it cannot be reserved")
    limits.require(call.world, call.owner, public_ip=1)
    taken = {"accountid": call.owner["id"], "allocated": now()}
    return {"ipaddress": to_address(call.world, call.world.update("publicip", row["id"], state=RESERVED, **taken))}


def _named(call: Call) -> Row:
    """Return the address named by `id`, whoever has it."""
    row = call.world.get("publicip", call.args["id"])
    if row is None:
        raise invalid(f"Unable to find ip address by id {call.args['id']}")
    return row


@command("releaseIpAddress", id="publicip")
def release(call: Call) -> Answer:
    row = _own(call, "id")
    if row["state"] != RESERVED:
        raise invalid(
            f"Unable to release a public IP in {row['state']} state, please use disassociateIpAddress instead"
        )
    removal.free_address(call.world, row)
    return {"success": True}


def _own(call: Call, parameter: str) -> Row:
    row = call.entity("publicip", parameter)
    if row.get("accountid") not in call.accounts():
        raise denied()
    return row


@command("associateIpAddress", networkid="network", vpcid="vpc")
def associate(call: Call) -> Job:
    zoneid, where = _target(call)
    row = _available(call, zoneid)
    owner = _owner(call, where)
    was = row["state"]
    if was == FREE:
        limits.require(call.world, call.world.one("account", owner), public_ip=1)
    taken = {"accountid": owner, "allocated": row.get("allocated") or now(), "issourcenat": _is_first(call, where)}
    call.world.update("publicip", row["id"], state=ALLOCATING, **taken, **where)
    return Job("IpAddress", row["id"], answer={"id": row["id"]}, facts={"id": row["id"], "was": was})


def _target(call: Call) -> tuple[str, dict[str, str]]:
    """Return the zone of the new address and what it is for: a VPC or an isolated network."""
    vpc = call.optional("vpc", "vpcid")
    if vpc:
        return vpc["zoneid"], {"vpcid": vpc["id"]}
    network = call.optional("network", "networkid") or _only_network(call)
    if "accountid" not in network or network["type"] != "Isolated":
        raise invalid("Ip address can be associated to the network with traffic type Guest and type Isolated only")
    if network.get("vpcid"):
        return network["zoneid"], {"vpcid": network["vpcid"]}
    return network["zoneid"], {"associatednetworkid": network["id"]}


def _only_network(call: Call) -> Row:
    """Return the account's only isolated network in the zone; like CloudStack, create the first one."""
    zone = call.optional("zone", "zoneid")
    if zone is None:
        raise invalid("Unable to figure out zone to assign ip to. Please specify either zoneId, or networkId, or vpcId")
    if zone["networktype"] == "Basic" or zone["securitygroupsenabled"]:
        raise invalid("Zone has no networks that addresses can be associated with")
    own = call.world.find("network", accountid=call.owner["id"], zoneid=zone["id"], type="Isolated")
    rows = [row for row in own if "vpcid" not in row]
    if len(rows) > 1:
        raise invalid("Account has more than one isolated Network in the zone")
    name = f"{call.owner['name']}-network"
    return rows[0] if rows else call.world.put("network", isolated_network(call.world, zone, call.owner, name))


def _available(call: Call, zoneid: str) -> Row:
    """Return the address to take: the named one, if it is Free or Reserved by the caller, else the first Free."""
    wanted = call.args.get("ipaddress")
    if wanted is None:
        rows = call.world.find("publicip", state=FREE, zoneid=zoneid)
    else:
        rows = [row for row in call.world.find("publicip", ipaddress=wanted, zoneid=zoneid) if _may_take(call, row)]
    if not rows:
        raise CloudStackError(533, f"Unable to allocate {wanted or 'an ip address'}: insufficient address capacity")
    return min(rows, key=lambda row: int(row["number"]))


def _may_take(call: Call, row: Row) -> bool:
    return row["state"] == FREE or bool(row["state"] == RESERVED and row["accountid"] == call.owner["id"])


def _owner(call: Call, where: dict[str, str]) -> str:
    kind, identity = ("vpc", where["vpcid"]) if "vpcid" in where else ("network", where["associatednetworkid"])
    owner: str = call.world.one(kind, identity)["accountid"]
    return owner


def _is_first(call: Call, where: dict[str, str]) -> bool:
    """Tell whether an address becomes the source NAT of its network, as the first one of an isolated network does."""
    return "vpcid" not in where and not any(row["issourcenat"] for row in call.world.find("publicip", **where))


@work("associateIpAddress")
def associated(call: Call) -> Answer:
    """Allocate the address. As recorded, the answer shows the previous state, but the new one in a VPC."""
    row = call.world.update("publicip", call.facts["id"], state=ALLOCATED)
    shown = to_address(call.world, row)
    if "vpcid" not in row:
        shown["state"] = RESERVED if call.facts["was"] == RESERVED else ALLOCATING
    return {"ipaddress": shown}


@failure("associateIpAddress")
def not_associated(call: Call) -> None:
    row = call.world.get("publicip", call.facts["id"])
    if row:
        removal.free_address(call.world, row)


@command("disassociateIpAddress", id="publicip")
def disassociate(call: Call) -> Job:
    row = _to_disassociate(call)
    return Job("IpAddress", row["id"], facts={"id": row["id"]})


def _to_disassociate(call: Call) -> Row:
    if "id" in call.args:
        return _own(call, "id")
    for row in call.world.find("publicip", ipaddress=call.args.get("ipaddress")):
        if row.get("accountid") in call.accounts():
            return row
    raise invalid("Unable to find the ip address to disassociate: id is required")


@work("disassociateIpAddress")
def disassociated(call: Call) -> Answer:
    row = call.world.one("publicip", call.facts["id"])
    if row["state"] != ALLOCATED:
        raise invalid(f"Unable to find the ip address in state Allocated: it is {row['state']}")
    if row["issourcenat"]:
        raise invalid("ip address is used for source nat purposes and can not be disassociated.")
    removal.free_address(call.world, row)
    return {"success": True}


@command("updateIpAddress", id="publicip")
def update_address(call: Call) -> Job:
    return Job("IpAddress", _own(call, "id")["id"])


@work("updateIpAddress")
def updated_address(call: Call) -> Answer:
    return {"ipaddress": to_address(call.world, call.entity("publicip", "id"))}


def to_address(world: World, row: Row) -> Answer:
    zone = world.one("zone", row["zoneid"])
    shown: Answer = {"id": row["id"], "ipaddress": row["ipaddress"]}
    shown |= {"allocated": row["allocated"]} if "allocated" in row else {}
    shown |= {**views.zone(world, row), "issourcenat": row["issourcenat"]}
    shown |= views.owner(world, row) if "accountid" in row else {}
    shown |= {"forvirtualnetwork": True, "isstaticnat": row["isstaticnat"], "issystem": False, **_machine(world, row)}
    network = world.get("network", row.get("associatednetworkid"))
    shown |= {"associatednetworkid": network["id"], "associatednetworkname": network["name"]} if network else {}
    shown |= {"networkid": zone["publicnetworkid"], "state": row["state"]}
    shown |= {"physicalnetworkid": zone["physicalnetworkid"]}
    shown |= views.vpc(world, row)
    shown |= {"tags": views.short_tags(world, row["id"]), "isportable": False, "hasrules": _has_rules(world, row)}
    return {**shown, "forsystemvms": False, "forprovider": False, "hasannotations": False}


def _machine(world: World, row: Row) -> Answer:
    machine = world.get("virtualmachine", row.get("virtualmachineid"))
    if machine is None:
        return {}
    return {
        "virtualmachineid": machine["id"],
        "virtualmachinetype": "User",
        "vmipaddress": row["vmipaddress"],
        "virtualmachinename": machine["name"],
        "virtualmachinedisplayname": machine.get("displayname", machine["name"]),
    }


def _has_rules(world: World, row: Row) -> bool:
    """Tell whether port forwarding or balancing uses the address; firewall rules do not count."""
    return bool(
        world.find("portforwardingrule", ipaddressid=row["id"]) or world.find("loadbalancer", publicipid=row["id"])
    )
