"""A network's VPC in a zone, the ACL list with its rules, and the tiers that are its subnetworks.

Two machines may be the first of a network at the same moment, and CloudStack accepts two VPCs of one name. So a new VPC
is only a candidate. Its operation waits until the second of its creation is over (CloudStack's `created` has whole
seconds) and lists the VPCs again: the oldest one stays, and whoever created another one deletes it. A candidate is
created with `start=false`, so that it starts no router; the first machine does. Tiers need no election, because
CloudStack refuses a second tier with the same range.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from ipaddress import IPv4Network
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.firewalling import acl
from gstack.firewalling.acl import Item
from gstack.firewalling.ranges import joined_cidrs
from gstack.firewalling.rules import Command, Inexpressible, Rule
from gstack.operations.model import Op, harmless
from gstack.operations.recipes import create_unique, elect, oldest
from gstack.resources.inventory.firewalls import Firewalls, check_expressible, inexpressible, refusal, widened
from gstack.resources.inventory.network_offerings import tier_offering, vpc_offering
from gstack.resources.inventory.networks import VPC, GuestNetwork, Vpc, acl_list_name, enclosing_block
from gstack.resources.inventory.placements import any_machine
from gstack.resources.shared.naming import slug
from gstack.resources.steps.reconcile import reconcile, replace

_ZONE = "A zone with VPCs"


class AclList(msgspec.Struct, frozen=True):
    """An ACL list, as listNetworkACLLists answers it."""

    id: str
    name: str
    vpcid: str = ""


class AclItem(msgspec.Struct, frozen=True):
    """An item of an ACL list, as listNetworkACLs answers it: with ports as text."""

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

    @property
    def item(self) -> Item:
        """The same in the words of gstack.firewalling."""
        icmp = self.protocol == "icmp"
        first, last = (self.icmptype, self.icmpcode) if icmp else (int(self.startport), int(self.endport))
        cidrs = joined_cidrs(one for one in self.cidrlist.split(",") if one)
        return Item(self.traffictype, self.action, self.protocol, first, last, cidrs, self.reason, self.number, self.id)


class TierSpec(msgspec.Struct, frozen=True):
    """A tier that must exist: in the network's VPC in this zone, with this name and range.

    `widen`: target tags of firewalls mean the whole network (setting names.target_tags).
    """

    zone_id: str
    network: str
    subnetwork: str
    cidr: str
    widen: bool


async def ensure(op: Op, step: str, spec: TierSpec) -> tuple[str, str]:
    """Create the VPC, its ACL list and the tier as far as they do not exist; return the ids of VPC and tier.

    400 where an ACL list cannot express a firewall of the network.
    """
    vpc_id = await _ensure_vpc(op, f"{step}-vpc", spec)
    existing = await op.decide(f"{step}-look", lambda: _tier(op, vpc_id, spec.subnetwork))
    if existing:
        return vpc_id, existing
    list_id = await _ensure_list(op, f"{step}-list", vpc_id, spec.network)

    async def plan() -> list[Command]:
        rules = [firewall.rule for firewall in await Firewalls(op.sidecar, op.operation.owner).of_network(spec.network)]
        check_expressible(rules, VPC, _ZONE, widen=spec.widen)
        return await _difference(op, list_id, rules)

    await reconcile(op, f"{step}-rules", plan)
    tier_id = await _create_tier(op, f"{step}-tier", spec, vpc_id, list_id)
    op.cloudstack.forget("listNetworks")
    op.cloudstack.forget("listVPCs")
    return vpc_id, tier_id


async def apply(
    op: Op, step: str, network: str, *, before: Rule | None = None, after: Rule | None = None, widen: bool
) -> None:
    """Change one firewall from `before` to `after` in the network's list in every zone that has one.

    None stands for a firewall that does not exist. Items are added before others are deleted. Where a list cannot
    express `after`: 400 if machines are in its VPC, else it gets no items, and no machine may come there.
    """
    name = next(rule.name for rule in (before, after) if rule)

    async def plan(list_id: str, vpc_id: str) -> list[Command]:
        reason = refusal(after, VPC, widen=widen) if after else None
        if after and reason and await any_machine(op.cloudstack, {"vpcid": vpc_id}):
            raise inexpressible(after.name, _ZONE, reason)
        return await _difference(op, list_id, [after] if after and not reason else [], name)

    for list_id, vpc_id in await op.decide(f"{step}-lists", lambda: _lists(op, network)):
        bring = replace if before and after else reconcile
        await bring(op, f"{step}-{list_id}", partial(plan, list_id, vpc_id))


async def _difference(op: Op, list_id: str, rules: Iterable[Rule], name: str = "") -> list[Command]:
    """The calls that bring a list to these rules; only to the rule of this name where one is given."""
    rows = await op.cloudstack.list_all("listNetworkACLs", AclItem, {"aclid": list_id})
    wanted = acl.items(widened(rule) for rule in rules)
    try:
        calls = acl.difference(wanted, [row.item for row in rows], [name] if name else None)
    except Inexpressible as full:
        raise inexpressible(full.rule, _ZONE, full.reason) from full
    return [
        Command(call.command, {**call.parameters, "aclid": list_id}) if call.command == "createNetworkACL" else call
        for call in calls
    ]


async def _ensure_vpc(op: Op, step: str, spec: TierSpec) -> str:
    async def candidates(op: Op) -> Sequence[Vpc]:
        found = await op.cloudstack.list_all("listVPCs", Vpc, {"zoneid": spec.zone_id})
        return [vpc for vpc in found if slug(vpc.name) == spec.network]

    async def probe(op: Op) -> dict[str, Any] | None:
        found = oldest(await candidates(op))
        return {"id": found.id} if found else None

    async def look() -> tuple[str, bool]:
        """The oldest one, and whether it has tiers: else it may be the candidate of another operation."""
        found = oldest(await candidates(op))
        return (found.id, bool(found.network)) if found else ("", False)

    existing, settled = await op.decide(f"{step}-look", look)
    if existing:
        return str(existing) if settled else await elect(op, f"{step}-wait", existing, candidates)
    parameters = {
        "zoneid": spec.zone_id,
        "vpcofferingid": await op.decide(f"{step}-offering", lambda: vpc_offering(op.cloudstack)),
        "name": spec.network,
        "displaytext": f"Network {spec.network}",
        "cidr": str(enclosing_block(IPv4Network(spec.cidr))),
        "start": False,
    }
    created = str((await op.run(step, "createVPC", parameters, probe=probe))["id"])
    elected = await elect(op, f"{step}-elect", created, candidates)
    if elected != created:
        try:
            await op.run(f"{step}-withdraw", "deleteVPC", {"id": created}, probe=harmless)
        except Refusal as refused:
            if not refused.missing:
                message = f"A second VPC {created} was created at the same time and could not be deleted."
                await op.warn("CLEANUP_FAILED", message)
    return elected


async def _ensure_list(op: Op, step: str, vpc_id: str, network: str) -> str:
    async def find(op: Op) -> str:
        return next((list_id for list_id, _ in await _lists(op, network, vpc_id)), "")

    parameters = {"name": acl_list_name(network), "vpcid": vpc_id, "description": f"Firewalls of network {network}"}
    return await op.decide(f"{step}-look", lambda: find(op)) or await create_unique(
        op, step, "createNetworkACLList", parameters, find
    )


async def _lists(op: Op, network: str, vpc_id: str = "") -> list[tuple[str, str]]:
    """The network's ACL lists, with their VPCs; in all VPCs where none is named."""
    name = acl_list_name(network)
    found = await op.cloudstack.list_all("listNetworkACLLists", AclList, {"name": name, "vpcid": vpc_id or None})
    return sorted((one.id, one.vpcid) for one in found if one.name == name and one.vpcid and vpc_id in {"", one.vpcid})


async def _create_tier(op: Op, step: str, spec: TierSpec, vpc_id: str, list_id: str) -> str:
    """Create the tier. CloudStack refuses a second one of the same range, so it is as unique as its name."""
    network = IPv4Network(spec.cidr)
    parameters = {
        "zoneid": spec.zone_id,
        "networkofferingid": await op.decide(f"{step}-offering", lambda: tier_offering(op.cloudstack)),
        "name": spec.subnetwork,
        "displaytext": f"Subnetwork {spec.subnetwork} of the network {spec.network}",
        "vpcid": vpc_id,
        "aclid": list_id,
        "gateway": str(network[1]),
        "netmask": str(network.netmask),
    }
    return await create_unique(op, step, "createNetwork", parameters, lambda op: _tier(op, vpc_id, spec.subnetwork))


async def _tier(op: Op, vpc_id: str, name: str) -> str:
    """The id of the oldest tier of this name in a VPC; empty where there is none."""
    found = await op.cloudstack.list_all("listNetworks", GuestNetwork, {"vpcid": vpc_id})
    tier = oldest(one for one in found if slug(one.name) == name)
    return tier.id if tier else ""
