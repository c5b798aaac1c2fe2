"""Static routes of VPCs: stored and listed only, since the sandbox forwards no packets."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from gstack.sandbox import removal, subnets, views
from gstack.sandbox.errors import conflict, invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World


@command("createStaticRoute", vpcid="vpc")
def create_route(call: Call) -> Job:
    vpc = call.optional("vpc", "vpcid")
    if vpc is None or not call.args.get("nexthop"):
        raise invalid("vpcid and nexthop are required: the sandbox has no private gateways")
    _check(call, vpc)
    row = {
        "vpcid": vpc["id"],
        "cidr": call.args["cidr"],
        "nexthop": call.args["nexthop"],
        "accountid": vpc["accountid"],
        "state": "Add",
    }
    row = call.world.put("staticroute", row)
    return Job("StaticRoute", row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _check(call: Call, vpc: Row) -> None:
    new, whole = subnets.parse(call.args["cidr"]), subnets.parse(vpc["cidr"])
    if new is None or whole is None:
        raise invalid(f"Invalid format for cidr {call.args['cidr']}")
    if new.overlaps(whole):
        raise invalid(f"CIDR should be outside of VPC cidr {vpc['cidr']}")
    hop = call.args["nexthop"]
    try:
        inside = IPv4Address(hop) in whole
    except AddressValueError:
        raise invalid(f"Invalid next hop {hop}") from None
    if not inside:
        raise invalid(f"Next hop {hop} is invalid. It must be within VPC CIDR or on the same public or private network")
    for route in call.world.find("staticroute", vpcid=vpc["id"]):
        other = subnets.parse(route["cidr"])
        if other is not None and new.overlaps(other):
            raise conflict(f"New static route cidr conflicts with existing route {route['id']}")


@work("createStaticRoute")
def created_route(call: Call) -> Answer:
    return {"staticroute": to_route(call.world, call.world.update("staticroute", call.facts["id"], state="Active"))}


@failure("createStaticRoute")
def not_created(call: Call) -> None:
    call.world.delete("staticroute", call.facts["id"])


@command("listStaticRoutes", id="staticroute", vpcid="vpc")
def list_routes(call: Call) -> Answer:
    rows = reversed(call.own_rows("staticroute"))
    return page(call, "staticroute", chosen(call, rows, "vpcid", "state"), to_route)


def to_route(world: World, row: Row) -> Answer:
    shown = {name: row[name] for name in ("id", "state", "vpcid", "nexthop", "cidr")}
    return {**shown, **views.owner(world, row), "tags": views.short_tags(world, row["id"])}


@command("deleteStaticRoute", id="staticroute")
def delete_route(_call: Call) -> Job:
    return Job()


@work("deleteStaticRoute")
def deleted_route(call: Call) -> Answer:
    removal.remove(call.world, "staticroute", call.args["id"])
    return {"success": True}
