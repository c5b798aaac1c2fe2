"""Where the interface of a machine goes that is about to be destroyed: an L2 network of the account, one per zone.

A destroyed machine keeps its interfaces until it is expunged, and a network with an interface in it cannot be deleted.
CloudStack gives a machine up only with an interface, so it gets another. Where the cloud offers no L2 network the
machine stays where it is, and the operation says so.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.operations.model import Op
from gstack.resources.machines import Nic, VirtualMachine

NAME = "gstack-spare"
Undo = tuple[str, Callable[[str], Awaitable[Any]]]  # a step's name, and what to do under it

_TEXT = "Machines that were deleted wait here for CloudStack to expunge them"
_KEPT = "The machine keeps its network until CloudStack expunges it, so the network cannot be deleted for a day: "


class _Network(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    type: str = ""


class _Offering(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    guestiptype: str = ""
    specifyvlan: bool = False


async def move(op: Op, step: str, machine_id: str, zone_id: str, undo: list[Undo]) -> None:
    """Give the machine an interface in the spare network and take all others from it. It must be stopped.

    Where CloudStack refuses, the machine can be destroyed all the same: the operation warns.
    """
    try:
        await _move(op, step, machine_id, zone_id, undo)
    except Refusal as refusal:
        await op.warn("CLEANUP_FAILED", _KEPT + refusal.message)


async def _move(op: Op, step: str, machine_id: str, zone_id: str, undo: list[Undo]) -> None:
    network_id = await _network(op, step, zone_id)
    if not network_id:
        await op.warn("CLEANUP_FAILED", f"{_KEPT}this cloud offers no L2 network.")
        return
    nics = msgspec.convert(await op.decide(f"{step}-nics", lambda: _nics(op, machine_id)), tuple[Nic, ...])
    others = [nic for nic in nics if nic.networkid != network_id]
    undo.append(("nics", _return(op, machine_id, network_id, others)))
    spare = await _add(op, f"{step}-spare", machine_id, network_id)
    await _make_default(op, f"{step}-default", machine_id, spare)
    for index, nic in enumerate(others):
        await _remove(op, f"{step}-nic-{index}", machine_id, nic.id)


async def _network(op: Op, step: str, zone_id: str) -> str:
    """The uuid of the spare network of a zone, made where there is none; empty where none can be."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listNetworks", _Network, {"zoneid": zone_id})
        return next(({"id": one.id} for one in found if one.name == NAME and one.type == "L2"), None)

    async def look() -> str:
        known = await there(op)
        return str(known["id"]) if known else ""

    async def offering() -> str:
        narrowed = {"guestiptype": "L2", "state": "Enabled", "zoneid": zone_id}
        found = await op.cloudstack.list_all("listNetworkOfferings", _Offering, narrowed)
        plain = [one for one in found if one.guestiptype == "L2" and not one.specifyvlan]
        return plain[0].id if plain else ""

    if known := await op.decide(f"{step}-spare-known", look):
        return known
    offered = await op.decide(f"{step}-spare-offering", offering)
    if not offered:
        return ""
    parameters = {"zoneid": zone_id, "networkofferingid": offered, "name": NAME, "displaytext": _TEXT}
    return str((await op.run(f"{step}-spare-network", "createNetwork", parameters, probe=there))["id"])


async def _nics(op: Op, machine_id: str) -> list[dict[str, Any]]:
    machine = await _machine(op, machine_id)
    plain: list[dict[str, Any]] = msgspec.to_builtins(machine.nic) if machine else []
    return plain


async def _machine(op: Op, machine_id: str) -> VirtualMachine | None:
    narrowed = {"id": machine_id, "details": ("nics",)}
    found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
    return next(iter(found), None)


async def _add(op: Op, step: str, machine_id: str, network_id: str, address: str = "") -> str:
    """Add an interface, with this address where one is given; return its uuid."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        machine = await _machine(op, machine_id)
        if machine is None or not any(nic.networkid == network_id for nic in machine.nic):
            return None
        plain: dict[str, Any] = msgspec.to_builtins(machine)
        return plain

    parameters = {"virtualmachineid": machine_id, "networkid": network_id, "ipaddress": address or None}
    machine = msgspec.convert(await op.run(step, "addNicToVirtualMachine", parameters, probe=there), VirtualMachine)
    return next(nic.id for nic in machine.nic if nic.networkid == network_id)


async def _make_default(op: Op, step: str, machine_id: str, nic_id: str) -> None:
    async def there(op: Op) -> Mapping[str, Any] | None:
        machine = await _machine(op, machine_id)
        return {} if machine and any(nic.id == nic_id and nic.isdefault for nic in machine.nic) else None

    parameters = {"virtualmachineid": machine_id, "nicid": nic_id}
    await op.run(step, "updateDefaultNicForVirtualMachine", parameters, probe=there)


async def _remove(op: Op, step: str, machine_id: str, nic_id: str) -> None:
    async def there(op: Op) -> Mapping[str, Any] | None:
        machine = await _machine(op, machine_id)
        return {} if machine and all(nic.id != nic_id for nic in machine.nic) else None

    parameters = {"virtualmachineid": machine_id, "nicid": nic_id}
    await op.run(step, "removeNicFromVirtualMachine", parameters, probe=there)


def _return(op: Op, machine_id: str, spare: str, nics: list[Nic]) -> Callable[[str], Awaitable[None]]:
    """Bring the interfaces back into their networks, each with its address, and leave the spare one."""

    async def back(under: str) -> None:
        machine = msgspec.convert(await op.decide(f"{under}-nics", lambda: _nics(op, machine_id)), tuple[Nic, ...])
        there = {nic.networkid: nic.id for nic in machine}
        for index, nic in enumerate(nics):
            if nic.networkid not in there:
                there[nic.networkid] = await _add(op, f"{under}-{index}", machine_id, nic.networkid, nic.ipaddress)
        default = next((nic for nic in nics if nic.isdefault), None)
        if default:
            await _make_default(op, f"{under}-default", machine_id, there[default.networkid])
        if spare in there:
            await _remove(op, f"{under}-spare", machine_id, there[spare])

    return back
