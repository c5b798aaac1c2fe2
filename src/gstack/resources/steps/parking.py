"""Isolates machines: a parking network in each zone and, in zones with security groups, a parking group.

A destroyed machine keeps its interfaces until it is expunged, and a network with an interface in it cannot be deleted.
CloudStack does not destroy a machine without an interface. So a machine that is deleted gets one in an L2 network of
the account, and gives up its others. Where the cloud offers no L2 network the machine stays where it is, and the
operation warns. Temporary machines, which put images on disks, begin there (image_disks).

In zones with security groups a temporary machine begins in a group of its own kind. A machine without a named group
would be in the account's `default`, which its owner may have opened. The parking group has no ingress rule. CloudStack
lets everything out of a group without egress rules, so it has one, which leads back to the machine itself.
"""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.operations.model import Op, harmless
from gstack.operations.recipes import Rollback, create_unique, elect, oldest
from gstack.resources.inventory.machines import Nic
from gstack.resources.inventory.network_offerings import l2_offering
from gstack.resources.inventory.security_groups import read_groups
from gstack.resources.steps import nics

NAME = "gstack-spare"

_NETWORK_TEXT = "Deleted machines wait here to be expunged; disks are made of images here"
_GROUP_TEXT = "Machines that make disks of images: nothing comes in, nothing goes out"
_TO_ITSELF = {"protocol": "tcp", "startport": 1, "endport": 1, "cidrlist": "127.0.0.1/32"}
_STAYS = "The machine keeps its network until CloudStack expunges it, so the network cannot be deleted for a day: "


class _Network(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    type: str = ""
    created: str = ""


async def park(op: Op, step: str, machine_id: str, zone_id: str, undos: Rollback) -> None:
    """Give a stopped machine an interface in the parking network and remove all others.

    If CloudStack refuses, the operation warns: the machine can be destroyed all the same.
    """
    try:
        network_id = await network(op, step, zone_id)
        if not network_id:
            await op.warn("CLEANUP_FAILED", f"{_STAYS}this cloud offers no L2 network.")
            return
        own = await nics.nics_of(op, f"{step}-nics", machine_id)
        others = [nic for nic in own if nic.networkid != network_id]
        failure = "The machine could not be brought back to its networks"
        undos.add("nics", failure, lambda under: _unpark(op, under, machine_id, network_id, others))
        parked = await nics.add(op, f"{step}-spare", machine_id, network_id)
        await nics.make_default(op, f"{step}-default", machine_id, parked)
        for index, nic in enumerate(others):
            await nics.remove(op, f"{step}-nic-{index}", machine_id, nic.id)
    except Refusal as refusal:
        await op.warn("CLEANUP_FAILED", _STAYS + refusal.message)


async def _unpark(op: Op, step: str, machine_id: str, network_id: str, others: Sequence[Nic]) -> None:
    """Bring a machine back to its networks, each interface with its address, and out of the parking network."""
    by_network = {nic.networkid: nic.id for nic in await nics.nics_of(op, f"{step}-nics", machine_id)}
    for index, nic in enumerate(others):
        if nic.networkid not in by_network:
            added = await nics.add(op, f"{step}-{index}", machine_id, nic.networkid, nic.ipaddress)
            by_network[nic.networkid] = added
    default = next((nic for nic in others if nic.isdefault), None)
    if default:
        await nics.make_default(op, f"{step}-default", machine_id, by_network[default.networkid])
    if network_id in by_network:
        await nics.remove(op, f"{step}-spare", machine_id, by_network[network_id])


async def network(op: Op, step: str, zone_id: str) -> str:
    """Return the uuid of a zone's parking network, created if there is none; empty where the cloud offers none.

    Operations that create it at the same time keep the oldest.
    """

    async def candidates(op: Op) -> list[_Network]:
        found = await op.cloudstack.list_all("listNetworks", _Network, {"zoneid": zone_id})
        return [one for one in found if one.name == NAME and one.type == "L2"]

    async def find(op: Op) -> dict[str, str] | None:
        found = oldest(await candidates(op))
        return {"id": found.id} if found else None

    if existing := await op.decide(f"{step}-spare-known", lambda: find(op)):
        return existing["id"]
    offering_id = await op.decide(f"{step}-spare-offering", lambda: l2_offering(op.cloudstack, zone_id))
    if not offering_id:
        return ""
    parameters = {"zoneid": zone_id, "networkofferingid": offering_id, "name": NAME, "displaytext": _NETWORK_TEXT}
    own = str((await op.run(f"{step}-spare-network", "createNetwork", parameters, probe=find))["id"])
    elected = await elect(op, f"{step}-spare-elect", own, candidates)
    if elected != own:
        with suppress(Refusal):  # a machine is in it already: two parking networks are as good as one
            await op.run(f"{step}-spare-withdraw", "deleteNetwork", {"id": own}, probe=harmless)
    return elected


async def group(op: Op, step: str) -> str:
    """Return the uuid of the account's parking group, created if there is none."""

    async def find(op: Op) -> tuple[str, bool]:
        """Its uuid or nothing, and whether it has its rule."""
        own = next(iter(await read_groups(op.cloudstack, [NAME])), None)
        return (own.id, bool(own.egressrule)) if own else ("", False)

    async def find_id(op: Op) -> str:
        return (await find(op))[0]

    async def closed(op: Op) -> dict[str, str] | None:
        return {} if (await find(op))[1] else None

    group_id, has_rule = await op.decide(f"{step}-known", lambda: find(op))
    if not group_id:
        parameters = {"name": NAME, "description": _GROUP_TEXT}
        group_id = await create_unique(op, f"{step}-make", "createSecurityGroup", parameters, find_id)
    if not has_rule:
        try:
            rule = {"securitygroupid": group_id, **_TO_ITSELF}
            await op.run(f"{step}-close", "authorizeSecurityGroupEgress", rule, probe=closed)
        except Refusal:  # another operation may have been faster
            if not (await op.decide(f"{step}-close-again", lambda: find(op)))[1]:
                raise
    return group_id
