"""VPCs: list, create, update, delete, restart. There are no private gateways: only administrators have them."""

from __future__ import annotations

from gstack.sandbox import limits, nics, removal, subnets, views
from gstack.sandbox.commands.networks import network_domain, to_network
from gstack.sandbox.errors import invalid, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World, new_id, now


@command("listVPCs", id="vpc")
def list_vpcs(call: Call) -> Answer:
    exact = ("name", "displaytext", "cidr", "zoneid", "vpcofferingid", "state")
    return page(call, "vpc", chosen(call, reversed(call.own_rows("vpc")), *exact), to_vpc)


@command("createVPC")
def create_vpc(call: Call) -> Job:
    zone = call.entity("zone", "zoneid")
    if zone["networktype"] == "Basic" or zone["securitygroupsenabled"]:
        raise invalid("Can't create VPC in a zone of network type Basic or with security groups")
    if not call.args.get("cidr"):
        raise invalid("CIDR is required for creating VPC")
    subnets.vpc_cidr(call.args["cidr"])
    limits.require(call.world, call.owner, vpc=1)
    row = call.world.put("vpc", _new_row(call))
    return Job("None", answer={"id": row["id"]}, facts={"id": row["id"]})


def _new_row(call: Call) -> Row:
    owner = call.owner["id"]
    return {
        "id": new_id(),
        "number": call.world.next_number("vpc"),
        "name": call.args["name"],
        "displaytext": call.args.get("displaytext") or call.args["name"],
        "state": "Inactive",
        "zoneid": call.args["zoneid"],
        "vpcofferingid": call.args["vpcofferingid"],
        "cidr": call.args["cidr"],
        "networkdomain": call.args.get("networkdomain") or network_domain(call.world, owner),
        "accountid": owner,
        "created": now(),
    }


@work("createVPC")
def created_vpc(call: Call) -> Answer:
    row = call.world.update("vpc", call.facts["id"], state="Enabled")
    nics.take_source_nat(call.world, row["zoneid"], row["accountid"], vpcid=row["id"])
    return {"vpc": to_vpc(call.world, row)}


@failure("createVPC")
def not_created(call: Call) -> None:
    call.world.delete("vpc", call.facts["id"])


@command("updateVPC", id="vpc")
@command("deleteVPC", id="vpc")
@command("restartVPC", id="vpc")
def change_vpc(_call: Call) -> Job:
    return Job("Vpc")


@work("updateVPC")
def updated_vpc(call: Call) -> Answer:
    if not {"name", "displaytext"} & call.args.keys():
        raise runtime("Failed to update VPC")
    given = {field: call.args[field] for field in ("name", "displaytext") if call.args.get(field)}
    return {"vpc": to_vpc(call.world, call.world.update("vpc", call.args["id"], **given))}


@work("deleteVPC")
def deleted_vpc(call: Call) -> Answer:
    row = call.world.get("vpc", call.args["id"])
    if row is None:
        raise invalid("unable to find VPC id")
    tiers = call.world.find("network", vpcid=row["id"])
    if tiers:
        shown = f'{{"id":{row["number"]},"name":"{row["name"]}","uuid":"{row["id"]}"}}'
        raise invalid(f"Can't delete VPC VPC {shown} as its used by {len(tiers)} networks")
    removal.vpc(call.world, row)
    return {"success": True}


@work("restartVPC")
def restarted_vpc(_call: Call) -> Answer:
    return {"success": True}


@command("listPrivateGateways")
def list_private_gateways(_call: Call) -> Answer:
    return {}


def to_vpc(world: World, row: Row) -> Answer:
    offering = world.one("vpcoffering", row["vpcofferingid"])
    shown = {field: row[field] for field in ("id", "name", "displaytext", "state")}
    shown |= {**views.zone(world, row), "service": offering["service"], "cidr": row["cidr"]}
    shown |= {"vpcofferingid": offering["id"], "vpcofferingname": offering["name"]}
    shown |= {"vpcofferingconservemode": offering["conservemode"], "created": row["created"]}
    tiers = [to_network(world, tier) for tier in world.find("network", vpcid=row["id"])]
    return {
        **shown,
        **views.owner(world, row),
        "network": tiers,
        "restartrequired": False,
        "networkdomain": row["networkdomain"],
        "tags": views.short_tags(world, row["id"]),
        "distributedvpcrouter": False,
        "regionlevelvpc": False,
        "redundantvpcrouter": False,
        "publicmtu": 1500,
        "hasannotations": False,
    }
