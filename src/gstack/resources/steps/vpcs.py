"""A network's VPC in a zone, the ACL list with its rules, and the tiers that are its subnetworks.

Two machines may be the first of a network at the same moment, and CloudStack takes two VPCs of one name. So a new VPC
is a candidate: all look again when the second in which it was made is over (CloudStack's `created` has seconds), the
oldest one stays, and who made another deletes it. Tiers need no such care: two of one range are refused. VPCs are made
with `start=false`, so that a candidate starts no router; the first machine starts it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.firewalling import acl
from gstack.firewalling.acl import Item
from gstack.firewalling.ranges import joined_cidrs
from gstack.firewalling.rules import Call, Inexpressible, Rule
from gstack.operations.model import Op, Probe, harmless
from gstack.resources.inventory.firewalls import Book, to_problem, widened
from gstack.resources.inventory.networks import GuestNetwork, Vpc, acl_list_name, enclosing_block
from gstack.resources.shared.naming import slug
from gstack.resources.steps.settling import settle

_ROUTER = "VpcVirtualRouter"
_NEEDED = {"Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "NetworkACL"}
_CREATED_STEP = 1.1  # seconds: CloudStack's timestamps have whole ones


class Provider(msgspec.Struct, frozen=True):
    """Who does a service."""

    name: str


class OfferedService(msgspec.Struct, frozen=True):
    """A service of an offering."""

    name: str
    provider: tuple[Provider, ...] = ()


class Offering(msgspec.Struct, frozen=True):
    """A VPC offering or a network offering, as far as it is chosen by."""

    id: str
    name: str
    isdefault: bool = False
    conservemode: bool = False
    service: tuple[OfferedService, ...] = ()


class AclList(msgspec.Struct, frozen=True):
    """An ACL list as listNetworkACLLists answers it."""

    id: str
    name: str
    vpcid: str = ""
    vpcname: str = ""


class AclItem(msgspec.Struct, frozen=True):
    """An item as listNetworkACLs answers it: ports are text there."""

    id: str
    number: int
    protocol: str
    traffictype: str
    action: str
    cidrlist: str = ""
    startport: str | int = 0
    endport: str | int = 0
    icmptype: int = 0
    icmpcode: int = 0
    reason: str = ""


class VpcWithTiers(Vpc, frozen=True):
    """A VPC with as much of its tiers as tells that there are any."""

    network: tuple[Provider, ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """What has to be there: a network's VPC in a zone, with a tier of this name and range."""

    zone_id: str
    network: str
    subnetwork: str
    cidr: str
    widen: bool


async def ensure(op: Op, step: str, wanted: Wanted) -> tuple[str, str]:
    """Make what is not there; the ids of the VPC and of the tier."""
    vpc_id = await _ensure_vpc(op, f"{step}-vpc", wanted)
    there = await op.decide(f"{step}-look", lambda: _tier(op, vpc_id, wanted.subnetwork))
    if there:
        return vpc_id, there
    list_id = await _ensure_list(op, f"{step}-list", vpc_id, wanted.network)
    await refresh_list(op, f"{step}-rules", list_id, wanted.network, widen=wanted.widen)
    tier = await _make_tier(op, f"{step}-tier", wanted, vpc_id, list_id)
    op.cloudstack.forget("listNetworks")
    op.cloudstack.forget("listVPCs")
    return vpc_id, tier


async def refresh(op: Op, step: str, network: str, *, widen: bool, names: Sequence[str]) -> None:
    """Bring these rules' items to what they should be, in the network's list in every zone that has one."""
    for list_id in await op.decide(f"{step}-lists", lambda: _lists(op, network)):
        await refresh_list(op, f"{step}-{list_id}", list_id, network, widen=widen, names=names)


async def refresh_list(
    op: Op, step: str, list_id: str, network: str, *, widen: bool, names: Sequence[str] | None = None
) -> None:
    """Bring one list to what the rules say; `names` are the rules that are looked at, None means all."""

    async def plan() -> list[Call]:
        rules = await Book(op.sidecar, op.operation.owner).rules(network)
        check([rule for rule in rules if names is None or rule.name in names], widen=widen)
        rows = await op.cloudstack.list_all("listNetworkACLs", AclItem, {"aclid": list_id})
        calls = acl.difference(acl.items(widened(rules)), [_item(row) for row in rows], names)
        return [_addressed(call, list_id) for call in calls]

    await settle(op, step, plan)


def check(rules: Sequence[Rule], *, widen: bool) -> None:
    """400 for the first rule that an ACL list cannot express."""
    for rule in rules:
        reason = None if rule.disabled else acl.refusal(rule, widen=widen)
        if reason:
            raise to_problem(Inexpressible(rule.name, "with VPCs", reason), "resource")


def _addressed(call: Call, list_id: str) -> Call:
    if call.command != "createNetworkACL":
        return call
    return Call(call.command, {**call.parameters, "aclid": list_id})


def _item(row: AclItem) -> Item:
    icmp = row.protocol == "icmp"
    first, last = (row.icmptype, row.icmpcode) if icmp else (int(row.startport), int(row.endport))
    cidrs = joined_cidrs(one for one in row.cidrlist.split(",") if one)
    return Item(row.traffictype, row.action, row.protocol, first, last, cidrs, row.reason, row.number, row.id)


async def _ensure_vpc(op: Op, step: str, wanted: Wanted) -> str:
    known = await op.decide(f"{step}-look", lambda: _settled_vpc(op, wanted))
    if known:
        return known
    offering = await op.decide(f"{step}-offering", lambda: _offering(op, "listVPCOfferings", {"state": "Enabled"}))
    parameters = {
        "zoneid": wanted.zone_id,
        "vpcofferingid": offering,
        "name": wanted.network,
        "displaytext": f"Network {wanted.network}",
        "cidr": str(enclosing_block(IPv4Network(wanted.cidr))),
        "start": False,
    }
    made = await op.run(step, "createVPC", parameters, probe=_vpc_probe(wanted))
    chosen = await op.decide(f"{step}-elect", lambda: _elect(op, wanted))
    if chosen and chosen != made["id"]:
        await _withdraw(op, f"{step}-withdraw", made["id"])
    return chosen or str(made["id"])


async def _elect(op: Op, wanted: Wanted) -> str:
    await asyncio.sleep(_CREATED_STEP)
    return (await _oldest_vpc(op, wanted)).id


async def _settled_vpc(op: Op, wanted: Wanted) -> str:
    """The VPC that is there; one without tiers may be a candidate of another operation, so that is waited for."""
    found = await _oldest_vpc(op, wanted)
    return found.id if found.network or not found.id else await _elect(op, wanted)


async def _oldest_vpc(op: Op, wanted: Wanted) -> VpcWithTiers:
    found = await op.cloudstack.list_all("listVPCs", VpcWithTiers, {"zoneid": wanted.zone_id})
    named = [vpc for vpc in found if slug(vpc.name) == wanted.network]
    return min(named, key=lambda vpc: (vpc.created, vpc.id), default=VpcWithTiers("", "", ""))


def _vpc_probe(wanted: Wanted) -> Probe:
    async def probe(op: Op) -> dict[str, Any] | None:
        found = (await _oldest_vpc(op, wanted)).id
        return {"id": found} if found else None

    return probe


async def _withdraw(op: Op, step: str, vpc_id: str) -> None:
    try:
        await op.run(step, "deleteVPC", {"id": vpc_id}, probe=harmless)
    except Refusal as refusal:
        if not refusal.missing:
            await op.warn(
                "CLEANUP_FAILED", f"A second VPC {vpc_id} was made at the same time and could not be deleted."
            )


async def _offering(op: Op, command: str, parameters: Mapping[str, object]) -> str:
    """The cloud's default offering whose services a virtual router does and that has what machines need."""
    found = await op.cloudstack.reference(command, Offering, parameters)
    fitting = [one for one in found if _serves_all(one)]
    if not fitting:
        services = ", ".join(sorted(_NEEDED))
        raise Problem.unsupported("resource", f"this cloud offers no network of a VPC with {services} ({command}).")
    best = max(fitting, key=lambda one: (one.isdefault, one.conservemode, len(one.service), one.name.startswith("Def")))
    return best.id


def _serves_all(offering: Offering) -> bool:
    routed = {one.name for one in offering.service if _ROUTER in {provider.name for provider in one.provider}}
    return routed >= _NEEDED


async def _ensure_list(op: Op, step: str, vpc_id: str, network: str) -> str:
    known = await op.decide(f"{step}-look", lambda: _lists(op, network, vpc_id))
    if known:
        return str(known[0])
    parameters = {"name": acl_list_name(network), "vpcid": vpc_id, "description": f"Firewalls of network {network}"}
    made = await op.run(step, "createNetworkACLList", parameters, probe=_list_probe(network, vpc_id))
    return str(made["id"])


async def _lists(op: Op, network: str, vpc_id: str = "") -> list[str]:
    name = acl_list_name(network)
    found = await op.cloudstack.list_all("listNetworkACLLists", AclList, {"name": name, "vpcid": vpc_id or None})
    return sorted(one.id for one in found if one.name == name and one.vpcid and vpc_id in {"", one.vpcid})


def _list_probe(network: str, vpc_id: str) -> Probe:
    async def probe(op: Op) -> dict[str, Any] | None:
        found = await _lists(op, network, vpc_id)
        return {"id": found[0]} if found else None

    return probe


async def _make_tier(op: Op, step: str, wanted: Wanted, vpc_id: str, list_id: str) -> str:
    query = {"forvpc": True, "state": "Enabled", "guestiptype": "Isolated"}
    network = IPv4Network(wanted.cidr)
    parameters = {
        "zoneid": wanted.zone_id,
        "networkofferingid": await op.decide(f"{step}-offering", lambda: _offering(op, "listNetworkOfferings", query)),
        "name": wanted.subnetwork,
        "displaytext": f"Subnetwork {wanted.subnetwork} of the network {wanted.network}",
        "vpcid": vpc_id,
        "aclid": list_id,
        "gateway": str(network[1]),
        "netmask": str(network.netmask),
    }
    try:
        made = await op.run(step, "createNetwork", parameters, probe=_tier_probe(vpc_id, wanted.subnetwork))
    except Refusal:
        there = await op.decide(f"{step}-again", lambda: _tier(op, vpc_id, wanted.subnetwork))
        if not there:
            raise
        return there
    return str(made["id"])


def _tier_probe(vpc_id: str, name: str) -> Probe:
    async def probe(op: Op) -> dict[str, Any] | None:
        found = await _tier(op, vpc_id, name)
        return {"id": found} if found else None

    return probe


async def _tier(op: Op, vpc_id: str, name: str) -> str:
    found = await op.cloudstack.list_all("listNetworks", GuestNetwork, {"vpcid": vpc_id})
    named = [tier for tier in found if slug(tier.name) == name]
    return min(((tier.created, tier.id) for tier in named), default=("", ""))[1]
