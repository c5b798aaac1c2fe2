"""Guest networks: list, create, update, delete, restart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import msgspec

from gstack.sandbox import limits, removal, subnets, views
from gstack.sandbox.errors import denied, internal, invalid, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World, new_id, now

MOST_TIERS = 3  # CloudStack's vpc.max.networks
ISOLATED, SHARED, L2 = "Isolated", "Shared", "L2"
DEFAULT_OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"
_DERIVED = {
    *("forvpc", "issystem", "canusefordeploy", "restartrequired", "specifyipranges", "physicalnetworkid"),
    *("traffictype", "supportedservices"),
}
_EXACT = ("name", "zoneid", "type", "vpcid", "acltype", "networkofferingid", "state")


@command("listNetworks", id="network", vpcid="vpc")
def list_networks(call: Call) -> Answer:
    rows = [row for row in chosen(call, _visible(call), *_EXACT) if _fits(call, row)]
    if call.args.get("retrieveonlyresourcecount"):
        return {"count": len(rows)}
    return page(call, "network", sorted(rows, key=lambda row: -int(row["number"])), to_network)


def _visible(call: Call) -> list[Row]:
    """Return the caller's networks and those shared with its domain."""
    wanted = call.args.get("networkfilter", "all").lower()
    shared = [] if wanted == "account" else call.world.find("network", type=SHARED)
    own = [] if wanted in ("domain", "shared") else call.own_rows("network")
    return [*shared, *own]


def _fits(call: Call, row: Row) -> bool:
    """Tell whether a network matches the parameters that are not fields of its row."""
    args = call.args
    if not _DERIVED & args.keys():
        return True
    if args.get("traffictype", "Guest").lower() != "guest":
        return False
    offering = call.world.one("networkoffering", row["networkofferingid"])
    offered = {service["name"].lower() for service in offering["service"]}
    if not {name.lower() for name in args.get("supportedservices", [])} <= offered:
        return False
    facts = {
        "forvpc": "vpcid" in row,
        "issystem": False,
        "canusefordeploy": True,
        "restartrequired": False,
        "specifyipranges": offering["specifyipranges"],
        "physicalnetworkid": call.world.one("zone", row["zoneid"])["physicalnetworkid"],
    }
    return all(args.get(name, value) == value for name, value in facts.items())


@command("createNetwork", vpcid="vpc", aclid="networkacllist")
def create_network(call: Call) -> Answer:
    offering, zone = call.entity("networkoffering", "networkofferingid"), call.entity("zone", "zoneid")
    _check_offering(call, offering, zone)
    vpc = call.optional("vpc", "vpcid")
    row = _new_row(call, offering, vpc)
    if offering["guestiptype"] == ISOLATED:
        row |= _addresses(call, vpc)
    if vpc:
        row |= {"vpcid": vpc["id"], **_acl(call, vpc)}
        if len(call.world.find("network", vpcid=vpc["id"])) >= MOST_TIERS:
            raise internal()  # as measured: CloudStack does not tell the reason
    else:
        limits.require(call.world, call.owner, network=1)
    return {"network": to_network(call.world, call.world.put("network", row))}


def _check_offering(call: Call, offering: Row, zone: Row) -> None:
    if offering["guestiptype"] == SHARED:
        raise denied("Only administrators may create shared networks")
    if offering["state"] != "Enabled":
        raise invalid(f"Can't use network offering {offering['name']}: it is not in state Enabled")
    if zone["networktype"] == "Basic":
        raise invalid("Network creation is not allowed in zones with network type Basic")
    if zone["securitygroupsenabled"] and offering["guestiptype"] == ISOLATED:
        raise invalid("Isolated networks are not supported in zones with security groups")
    if offering["forvpc"] and "vpcid" not in call.args:
        raise invalid("Network offering can be used for VPC networks only")
    if "vpcid" in call.args and not offering["forvpc"]:
        raise invalid(f"Network offering {offering['name']} can't be used for VPC networks")


def _new_row(call: Call, offering: Row, vpc: Row | None) -> Row:
    owner = vpc["accountid"] if vpc else call.owner["id"]
    row: Row = {
        "id": new_id(),
        "number": call.world.next_number("network"),
        "name": call.args["name"],
        "displaytext": call.args.get("displaytext") or call.args["name"],
        "type": offering["guestiptype"],
        "zoneid": call.args["zoneid"],
        "accountid": owner,
        "networkofferingid": offering["id"],
        "broadcastdomaintype": "Vlan",
        "state": "Allocated",
        "acltype": "Account",
        "dns1": call.args.get("dns1", "8.8.8.8"),
        "created": now(),
    }
    if offering["guestiptype"] == ISOLATED:
        row["networkdomain"] = call.args.get("networkdomain") or network_domain(call.world, owner)
    return row | ({"dns2": call.args["dns2"]} if "dns2" in call.args else {})


def isolated_network(world: World, zone: Row, owner: Row, name: str) -> Row:
    """Return the row of the isolated network with source NAT that CloudStack creates when a call names none."""
    number = world.next_number("network")
    return {
        "id": new_id(),
        "number": number,
        "name": name,
        "displaytext": name,
        "type": "Isolated",
        "zoneid": zone["id"],
        "accountid": owner["id"],
        "networkofferingid": world.find("networkoffering", name=DEFAULT_OFFERING)[0]["id"],
        "gateway": "10.1.1.1",
        "netmask": "255.255.255.0",
        "cidr": "10.1.1.0/24",
        "broadcastdomaintype": "Vlan",
        "state": "Allocated",
        "acltype": "Account",
        "networkdomain": f"cs{number}cloud.internal",
        "dns1": "8.8.8.8",
        "created": now(),
    }


def network_domain(world: World, account_id: str) -> str:
    """Return the DNS domain that CloudStack gives the networks of an account: `cs4cloud.internal`."""
    number = [account["id"] for account in world.all("account")].index(account_id) + 1
    return f"cs{number:x}cloud.internal"


def _addresses(call: Call, vpc: Row | None) -> Row:
    gateway, netmask = call.args.get("gateway"), call.args.get("netmask")
    if vpc and not (gateway and netmask):
        raise invalid("Gateway and netmask are required when creating a network of a VPC")
    if bool(gateway) != bool(netmask):
        raise invalid("Both gateway and netmask are required")
    gateway = gateway or subnets.DEFAULT_GATEWAY
    cidr = subnets.from_gateway(gateway, netmask or subnets.DEFAULT_NETMASK)
    subnets.check_guest(cidr)
    if vpc:
        _check_tier(call, vpc, str(cidr))
    return {"gateway": gateway, "netmask": str(cidr.netmask), "cidr": str(cidr)}


def _check_tier(call: Call, vpc: Row, cidr: str) -> None:
    new, whole = subnets.parse(cidr), subnets.parse(vpc["cidr"])
    if new is None or whole is None or not new.subnet_of(whole):
        shown = f'{{"id":{vpc["number"]},"name":"{vpc["name"]}","uuid":"{vpc["id"]}"}}'
        raise invalid(f"Network cidr {cidr} is not within vpc VPC {shown} cidr")
    if vpc["zoneid"] != call.args["zoneid"]:
        raise invalid("New network doesn't belong to vpc zone")
    for tier in call.world.find("network", vpcid=vpc["id"]):
        other = subnets.parse(tier["cidr"])
        if other is not None and new.overlaps(other):
            raise invalid(
                f"Network cidr {cidr} crosses other network cidr {tier['cidr']} belonging to the same vpc {vpc['name']}"
            )


def _acl(call: Call, vpc: Row) -> Row:
    """Return `aclid` of a new tier. A tier without a list lets nothing in, like one with `default_deny`."""
    row = call.optional("networkacllist", "aclid")
    if row is None:
        return {}
    check_acl_of_vpc(row, vpc["id"])
    return {"aclid": row["id"]}


def check_acl_of_vpc(acl: Row, vpcid: str) -> None:
    """Raise 431 if a list belongs to another VPC; the default lists belong to every one."""
    if acl.get("vpcid") not in (None, vpcid):
        raise invalid(f"ACL: {acl['id']} do not belong to the VPC")


@command("updateNetwork", id="network")
@command("deleteNetwork", id="network")
@command("restartNetwork", id="network")
def change_network(call: Call) -> Job:
    own_network(call)
    return Job("Network")


@work("updateNetwork")
def updated_network(call: Call) -> Answer:
    """Change a network. `guestvmcidr` narrows the addresses of machines. As measured, `cidr` changes nothing."""
    if "networkofferingid" in call.args:
        raise invalid("The sandbox does not change the offering of a network")
    given = {field: call.args[field] for field in ("name", "displaytext", "dns1", "dns2") if call.args.get(field)}
    if call.args.get("networkdomain"):
        given["networkdomain"] = call.args["networkdomain"]
    if call.args.get("guestvmcidr"):
        given |= _narrowed(call.entity("network", "id"), call.args["guestvmcidr"])
    return {"network": to_network(call.world, call.world.update("network", call.args["id"], **given))}


def _narrowed(row: Row, cidr: str) -> Row:
    """Return the fields of a network whose machines get addresses from a part of it."""
    whole = IPv4Network(row.get("networkcidr", row["cidr"]))
    part = subnets.parse(cidr)
    if part is None or not part.subnet_of(whole):
        raise invalid(f"Guest VM CIDR {cidr} is not a part of the network's CIDR {whole}")
    free = list(whole.address_exclude(part))
    last = max(int(network.broadcast_address) for network in free) - 1 if free else int(part.broadcast_address)
    reserved = f"{part.broadcast_address}-{IPv4Address(last)}"
    return {"cidr": str(part), "networkcidr": str(whole), "reservediprange": reserved}


def own_network(call: Call, parameter: str = "id") -> Row:
    """Return a named network that the caller may change; 531 for a shared one."""
    row = call.entity("network", parameter)
    if "accountid" not in row:
        raise denied()
    return call.require_use(row)


@work("deleteNetwork")
def deleted_network(call: Call) -> Answer:
    """Delete a network that no machine has a NIC on; a destroyed machine counts until it is expunged."""
    row = call.world.get("network", call.args["id"])
    if row is None or call.world.find("nic", networkid=row["id"]):
        raise runtime("Failed to delete network")
    removal.network(call.world, row)
    return {"success": True}


@work("restartNetwork")
def restarted_network(_call: Call) -> Answer:
    return {"success": True}


def to_network(world: World, row: Row) -> Answer:
    offering = world.one("networkoffering", row["networkofferingid"])
    shown = {field: row[field] for field in ("id", "name", "displaytext", "broadcastdomaintype")}
    shown["traffictype"] = "Guest"
    shown |= {
        field: row[field] for field in ("gateway", "netmask", "cidr", "networkcidr", "reservediprange") if field in row
    }
    shown |= {**views.zone(world, row), **_offering(offering), "state": row["state"], "related": row["id"]}
    shown |= {field: row[field] for field in ("dns1", "dns2") if field in row}
    shown |= {"type": row["type"], "acltype": row["acltype"], **_owner(world, row), "service": services(offering)}
    shown |= {"networkdomain": row["networkdomain"]} if "networkdomain" in row else {}
    shown["physicalnetworkid"] = world.one("zone", row["zoneid"])["physicalnetworkid"]
    shown |= {"restartrequired": False, "specifyvlan": offering["specifyvlan"]}
    shown |= {"specifyipranges": offering["specifyipranges"], **views.vpc(world, row)}
    shown |= {
        "canusefordeploy": True,
        "ispersistent": offering["ispersistent"],
        "tags": views.short_tags(world, row["id"]),
    }
    return {**shown, **_acl_of(world, row), **_rest(row, offering)}


def _offering(offering: Row) -> Answer:
    return {
        "networkofferingid": offering["id"],
        "networkofferingname": offering["name"],
        "networkofferingdisplaytext": offering["displaytext"],
        "networkofferingconservemode": offering["conservemode"],
        "networkofferingavailability": offering["availability"],
        "issystem": False,
    }


def _owner(world: World, row: Row) -> Answer:
    if "accountid" in row:
        return views.owner(world, row)
    domain = world.one("domain", row["domainid"])
    return {
        "subdomainaccess": True,
        "domainid": domain["id"],
        "domain": domain["name"],
        "domainpath": domain["path"],
    }


def _acl_of(world: World, row: Row) -> Answer:
    acl = world.get("networkacllist", row.get("aclid"))
    return {"aclid": acl["id"], "aclname": acl["name"]} if acl else {}


def _rest(row: Row, offering: Row) -> Answer:
    names = {service["name"] for service in offering["service"]}
    shown: Answer = {
        "strechedl2subnet": False,
        "redundantrouter": False,
        "supportsvmautoscaling": "Lb" in names,
        "created": row["created"],
        "receivedbytes": 0,
        "sentbytes": 0,
    }
    if "Firewall" in names:
        shown["egressdefaultpolicy"] = offering["egressdefaultpolicy"]
    return {**shown, "publicmtu": 1500, "privatemtu": 1500, "hasannotations": False}


def services(offering: Row) -> list[Answer]:
    """Return the services of an offering as a network shows them, with the capabilities of their first provider."""
    return [
        {
            "name": service["name"],
            "provider": service["provider"],
            "capability": _capabilities().get(service["provider"][0]["name"], {}).get(service["name"], []),
        }
        for service in offering["service"]
    ]


@cache
def _capabilities() -> Mapping[str, Mapping[str, Any]]:
    text = files("gstack.sandbox").joinpath("data/capabilities.json").read_bytes()
    facts: Mapping[str, Mapping[str, Any]] = msgspec.json.decode(text)
    return facts
