"""The removal of a machine: gone for GCE at once, whatever CloudStack still keeps of it.

An ordinary user may not expunge: for a day a destroyed machine keeps its host name, its groups and its place in the
network, and nothing of that can be taken from it then. So it is taken before: it is renamed and stopped, its boot disk
detached where that stays, its addresses are freed, its groups taken from it or its interface moved to a spare network
of the account; then it is destroyed. Where the account may expunge, that does most of it. Every step that can be undone
is, when a later one fails. Data disks that stay are simply left behind by destroy.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.operations.model import Op, harmless
from gstack.resources.inventory.machines import GONE, VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.steps import addresses, security_groups, spare_network
from gstack.resources.steps import volumes as volume_work
from gstack.resources.steps.probes import in_state
from gstack.resources.steps.spare_network import Undo

_FAILED = "Error"  # a machine whose deployment failed: CloudStack takes neither groups nor interfaces from it
_NOT_RUNNING = {"Stopped", "Shutdown", _FAILED}


class Removal(msgspec.Struct, frozen=True):
    """Which machine is to go. `stays` and `goes` are uuids of its volumes.

    In neither: a root volume goes, a data volume stays.
    """

    machine_id: str
    name: str
    zone_id: str
    security_groups: bool
    stays: tuple[str, ...] = ()
    goes: tuple[str, ...] = ()


class _Group(msgspec.Struct, frozen=True):
    id: str


class _Machine(VirtualMachine, frozen=True):
    """A machine with its groups."""

    securitygroup: tuple[_Group, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """The machine as it was when its removal began. `root` is its root volume where that stays, else empty."""

    host: str
    display: str
    state: str
    groups: tuple[str, ...]
    root: str
    expunge: bool


async def remove(op: Op, step: str, asked: Removal) -> None:
    """Remove the machine. Problem when it could not be: then it is as it was, but for its ephemeral address."""
    told = await op.decide(f"{step}-look", lambda: _look(op, asked))
    if told is None:
        return
    seen, undo = msgspec.convert(told, Seen), list[Undo]()
    try:
        await _release(op, step, asked, seen, undo)
        await _destroy(op, step, asked, seen)
    except Problem:
        for index, (name, action) in enumerate(reversed(undo)):
            await _undone(op, f"{step}-undo-{index}-{name}", action)
        raise
    await security_groups.leave(op, f"{step}-groups", seen.groups)
    for volume_id in asked.goes:
        await _purge(op, f"{step}-purge-{volume_id[:8]}", volume_id)


async def discard(op: Op, step: str, machine_id: str) -> None:
    """Destroy a machine that has nothing which must be free before CloudStack expunges it."""
    expunge = await op.decide(f"{step}-look", lambda: _may_expunge(op))
    parameters = {"id": machine_id, "expunge": True if expunge else None}
    await op.run(f"{step}-destroy", "destroyVirtualMachine", parameters, probe=_gone(machine_id))


async def _purge(op: Op, step: str, volume_id: str) -> None:
    """Destroy leaves the data volumes that go listed, as destroyed. Where it expunged they are gone."""
    try:
        await op.run(step, "deleteVolume", {"id": volume_id}, probe=harmless)
    except Refusal as refusal:
        if not refusal.missing:
            await op.warn("CLEANUP_FAILED", f"A deleted disk waits for CloudStack to expunge it: {refusal.message}")


async def _look(op: Op, asked: Removal) -> dict[str, Any] | None:
    narrowed = {"id": asked.machine_id, "details": ("nics", "secgrp")}
    found = await op.cloudstack.list_all("listVirtualMachines", _Machine, narrowed)
    machine = next((one for one in found if one.state not in GONE), None)
    if machine is None:
        return None
    volumes = await op.cloudstack.list_all("listVolumes", Volume, {"virtualmachineid": asked.machine_id})
    root = next((one.id for one in volumes if one.type == ROOT and one.id in asked.stays), "")
    seen = Seen(
        host=machine.name,
        display=machine.displayname,
        state=machine.state,
        groups=tuple(group.id for group in machine.securitygroup),
        root=root,
        expunge=await _may_expunge(op),
    )
    plain: dict[str, Any] = msgspec.to_builtins(seen)
    return plain


async def _may_expunge(op: Op) -> bool:
    answer = await op.cloudstack.send("listCapabilities")
    return bool(answer.get("capability", {}).get("allowuserexpungerecovervm"))


async def _release(op: Op, step: str, asked: Removal, seen: Seen, undo: list[Undo]) -> None:
    """Take from the machine what it would keep for a day; last what cannot be given back as it was."""
    if not seen.expunge:
        await _rename(op, step, asked, seen, undo)
    if seen.state not in _NOT_RUNNING:
        await _stop(op, step, asked, undo)
    if seen.root:
        await _detach(op, step, asked, seen.root, undo)
    await _free_addresses(op, step, asked, undo)
    if seen.state == _FAILED:
        return
    if asked.security_groups and seen.groups:
        await _leave(op, step, asked, seen, undo)
    elif not asked.security_groups and not seen.expunge:
        await spare_network.move(op, step, asked.machine_id, asked.zone_id, undo)


async def _free_addresses(op: Op, step: str, asked: Removal, undo: list[Undo]) -> None:
    async def tell(_: str) -> None:
        await op.warn("CLEANUP_FAILED", f"The instance {asked.name} lost its ephemeral external address.")

    if await addresses.free(op, f"{step}-addresses", asked.machine_id):
        undo.append(("address", tell))


async def _rename(op: Op, step: str, asked: Removal, seen: Seen, undo: list[Undo]) -> None:
    """Free the host name. The displayname stays the GCE name, which the machine keeps until it is gone."""

    async def back(under: str) -> None:
        parameters = {"id": asked.machine_id, "name": seen.host, "displayname": seen.display}
        await op.run(under, "updateVirtualMachine", parameters, probe=harmless)

    undo.append(("name", back))
    parameters = {"id": asked.machine_id, "name": discarded_name(op, asked.machine_id), "displayname": asked.name}
    await op.run(f"{step}-rename", "updateVirtualMachine", parameters, probe=harmless)


def discarded_name(op: Op, machine_id: str) -> str:
    """A host name that nobody wants."""
    return f"gone-{op.operation.id}-{machine_id[:8]}"


async def _stop(op: Op, step: str, asked: Removal, undo: list[Undo]) -> None:
    async def back(under: str) -> None:
        running = in_state(asked.machine_id, "Running", passing="Starting")
        await op.run(under, "startVirtualMachine", {"id": asked.machine_id}, probe=running)

    parameters = {"id": asked.machine_id, "forced": True}
    stopped = in_state(asked.machine_id, "Stopped", passing="Stopping")
    await op.run(f"{step}-stop", "stopVirtualMachine", parameters, probe=stopped)
    undo.append(("start", back))


async def _detach(op: Op, step: str, asked: Removal, volume_id: str, undo: list[Undo]) -> None:
    """Take the boot disk off; it becomes a data disk, and returns in its place with `deviceid=0`."""

    async def back(under: str) -> None:
        await volume_work.attach(op, under, volume_id, asked.machine_id, volume_work.BOOT)

    await volume_work.detach(op, f"{step}-detach", volume_id)
    undo.append(("attach", back))


async def _leave(op: Op, step: str, asked: Removal, seen: Seen, undo: list[Undo]) -> None:
    """Take all groups from the machine, which CloudStack allows while it is stopped."""

    async def back(under: str) -> None:
        parameters = {"id": asked.machine_id, "securitygroupids": seen.groups}
        await op.run(under, "updateVirtualMachine", parameters, probe=harmless)

    undo.append(("groups", back))
    parameters = {"id": asked.machine_id, "securitygroupids": ""}
    await op.run(f"{step}-leave", "updateVirtualMachine", parameters, probe=harmless)


async def _destroy(op: Op, step: str, asked: Removal, seen: Seen) -> None:
    parameters = {"id": asked.machine_id, "volumeids": asked.goes or None, "expunge": True if seen.expunge else None}
    await op.run(f"{step}-destroy", "destroyVirtualMachine", parameters, probe=_gone(asked.machine_id))


async def _undone(op: Op, step: str, action: Callable[[str], Awaitable[Any]]) -> None:
    try:
        await action(step)
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"Could not be put back ({step}): {problem.message}")


def _gone(machine_id: str) -> Any:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, {"id": machine_id})
        return None if any(one.state not in GONE for one in found) else {}

    return probe
