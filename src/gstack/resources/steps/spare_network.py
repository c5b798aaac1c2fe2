"""Where the interface of a machine goes that is about to be destroyed: an L2 network of the account, one per zone.

A destroyed machine keeps its interfaces until it is expunged, and a network with an interface in it cannot be deleted.
CloudStack gives a machine up only with an interface, so it gets another. Where the cloud offers no L2 network the
machine stays where it is, and the operation says so. Operations that make it at the same time keep the oldest.
Machines that make disks of images begin here (makers.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.operations.model import Op, harmless
from gstack.resources.inventory.machines import Nic
from gstack.resources.inventory.network_offerings import l2_offering
from gstack.resources.steps import nics

NAME = "gstack-spare"
_CREATED_STEP = 1.1  # seconds: CloudStack tells times by the second; after so long all who made one see the same
Undo = tuple[str, Callable[[str], Awaitable[Any]]]  # a step's name, and what to do under it

_TEXT = "Deleted machines wait here to be expunged; disks are made of images here"
_KEPT = "The machine keeps its network until CloudStack expunges it, so the network cannot be deleted for a day: "


class _Network(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    type: str = ""
    created: str = ""


async def move(op: Op, step: str, machine_id: str, zone_id: str, undo: list[Undo]) -> None:
    """Give the machine an interface in the spare network and take all others from it. It must be stopped.

    Where CloudStack refuses, the machine can be destroyed all the same: the operation warns.
    """
    try:
        await _move(op, step, machine_id, zone_id, undo)
    except Refusal as refusal:
        await op.warn("CLEANUP_FAILED", _KEPT + refusal.message)


async def _move(op: Op, step: str, machine_id: str, zone_id: str, undo: list[Undo]) -> None:
    network_id = await network(op, step, zone_id)
    if not network_id:
        await op.warn("CLEANUP_FAILED", f"{_KEPT}this cloud offers no L2 network.")
        return
    known = await op.decide(f"{step}-nics", lambda: nics.nics_of(op, machine_id))
    others = [nic for nic in msgspec.convert(known, tuple[Nic, ...]) if nic.networkid != network_id]
    undo.append(("nics", _return(op, machine_id, network_id, others)))
    spare = await nics.add(op, f"{step}-spare", machine_id, network_id)
    await nics.make_default(op, f"{step}-default", machine_id, spare)
    for index, nic in enumerate(others):
        await nics.remove(op, f"{step}-nic-{index}", machine_id, nic.id)


async def network(op: Op, step: str, zone_id: str) -> str:
    """The uuid of the spare network of a zone, made where there is none; empty where none can be."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listNetworks", _Network, {"zoneid": zone_id})
        named = [one for one in found if one.name == NAME and one.type == "L2"]
        return {"id": min(named, key=lambda one: (one.created, one.id)).id} if named else None

    async def look() -> str:
        known = await there(op)
        return str(known["id"]) if known else ""

    if known := await op.decide(f"{step}-spare-known", look):
        return known
    offering_id = await op.decide(f"{step}-spare-offering", lambda: l2_offering(op.cloudstack, zone_id))
    if not offering_id:
        return ""
    parameters = {"zoneid": zone_id, "networkofferingid": offering_id, "name": NAME, "displaytext": _TEXT}
    made = str((await op.run(f"{step}-spare-network", "createNetwork", parameters, probe=there))["id"])
    oldest = await op.decide(f"{step}-spare-elect", partial(_after, _CREATED_STEP, look)) or made
    if oldest != made:
        await _withdraw(op, f"{step}-spare-withdraw", made)
    return oldest


async def _after(seconds: float, look: Callable[[], Awaitable[str]]) -> str:
    await asyncio.sleep(seconds)
    return await look()


async def _withdraw(op: Op, step: str, network_id: str) -> None:
    """Delete the network that another operation's came before; where it is in use already, two are as good as one."""
    with suppress(Refusal):
        await op.run(step, "deleteNetwork", {"id": network_id}, probe=harmless)


def _return(op: Op, machine_id: str, spare: str, others: list[Nic]) -> Callable[[str], Awaitable[None]]:
    """Bring the interfaces back into their networks, each with its address, and leave the spare one."""

    async def back(under: str) -> None:
        known = await op.decide(f"{under}-nics", lambda: nics.nics_of(op, machine_id))
        there = {nic.networkid: nic.id for nic in msgspec.convert(known, tuple[Nic, ...])}
        for index, nic in enumerate(others):
            if nic.networkid not in there:
                there[nic.networkid] = await nics.add(op, f"{under}-{index}", machine_id, nic.networkid, nic.ipaddress)
        default = next((nic for nic in others if nic.isdefault), None)
        if default:
            await nics.make_default(op, f"{under}-default", machine_id, there[default.networkid])
        if spare in there:
            await nics.remove(op, f"{under}-spare", machine_id, there[spare])

    return back
