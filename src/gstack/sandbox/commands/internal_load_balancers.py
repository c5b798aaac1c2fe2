"""Internal load balancers: an address of a tier that is shared among its machines.

They are rows of the kind `loadbalancer`, since the same commands assign machines to them as to rules on public
addresses. They have `sourceipaddress` instead of `publicipid`.
"""

from __future__ import annotations

from gstack.sandbox import machines, nics, removal, views
from gstack.sandbox.commands.networks import own_network
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.rule_checks import LARGEST_PORT
from gstack.sandbox.world import Row, World, new_id

ALGORITHMS = ("roundrobin", "leastconn", "source")


@command("createLoadBalancer", networkid="network", sourceipaddressnetworkid="network")
def create(call: Call) -> Job:
    args, network = call.args, own_network(call, "networkid")
    if args["scheme"].lower() != "internal":
        raise invalid("Invalid value for scheme. Supported value is internal")
    if not balances_inside(call.world, network):
        raise invalid("Scheme Internal is not supported by the network offering")
    if args["algorithm"].lower() not in ALGORITHMS:
        raise invalid(f"Invalid algorithm: {args['algorithm']}")
    for name in ("sourceport", "instanceport"):
        if not 1 <= args[name] <= LARGEST_PORT:
            raise invalid(f"Invalid value for {name}: {args[name]}")
    row = {
        "id": new_id(),
        "name": args["name"],
        "algorithm": args["algorithm"],
        "networkid": network["id"],
        "zoneid": network["zoneid"],
        "accountid": network["accountid"],
        "sourceipaddress": _address(call, network),
        "sourceport": args["sourceport"],
        "instanceport": args["instanceport"],
        "state": "Add",
    }
    row |= {"description": args["description"]} if args.get("description") else {}
    row = call.world.put("loadbalancer", row)
    return Job("LoadBalancerRule", answer={"id": row["id"]}, facts={"id": row["id"]})


def balances_inside(world: World, network: Row) -> bool:
    """Tell whether a network balances internally, in which case it has no balancing on public addresses."""
    offering = world.one("networkoffering", network["networkofferingid"])
    balancing = [service for service in offering["service"] if service["name"] == "Lb"]
    return any(provider["name"] == "InternalLbVm" for service in balancing for provider in service["provider"])


def _address(call: Call, network: Row) -> str:
    wanted: str | None = call.args.get("sourceipaddress")
    ports = [
        row["sourceport"] for row in call.world.find("loadbalancer", networkid=network["id"], sourceipaddress=wanted)
    ]
    if wanted is None:
        return nics.next_address(call.world, network)
    if call.args["sourceport"] in ports or not (ports or nics.can_have(call.world, network, wanted)):
        raise invalid(f"Unable to use source ip address {wanted}: it is outside of the network or in use")
    return wanted


@work("createLoadBalancer")
def created(call: Call) -> Answer:
    return {"loadbalancer": to_balancer(call.world, call.world.one("loadbalancer", call.facts["id"]))}


@failure("createLoadBalancer")
def not_created(call: Call) -> None:
    call.world.delete("loadbalancer", call.facts["id"])


@command("listLoadBalancers", id="loadbalancer", networkid="network", sourceipaddressnetworkid="network")
def list_balancers(call: Call) -> Answer:
    own = [row for row in call.own_rows("loadbalancer") if "sourceipaddress" in row]
    rows = chosen(call, own, "name", "networkid", "sourceipaddress")
    return page(call, "loadbalancer", rows, to_balancer)


@command("deleteLoadBalancer", id="loadbalancer")
def delete(_call: Call) -> Job:
    return Job()


@work("deleteLoadBalancer")
def deleted(call: Call) -> Answer:
    removal.balancer(call.world, call.entity("loadbalancer", "id"))
    return {"success": True}


def to_balancer(world: World, row: Row) -> Answer:
    shown: Answer = {
        field: row[field] for field in ("id", "name", "description", "algorithm", "networkid") if field in row
    }
    members = [
        (member, world.one("virtualmachine", member["virtualmachineid"]))
        for member in world.find("loadbalancermember", lbruleid=row["id"])
    ]
    return {
        **shown,
        "sourceipaddress": row["sourceipaddress"],
        "sourceipaddressnetworkid": row["networkid"],
        **views.owner(world, row),
        "loadbalancerrule": [{field: row[field] for field in ("sourceport", "instanceport", "state")}],
        "loadbalancerinstance": [
            {
                "id": machine["id"],
                "name": machines.instance_name(world, machine),
                "ipaddress": member["ipaddress"],
            }
            for member, machine in members
        ],
        "tags": views.short_tags(world, row["id"]),
    }
