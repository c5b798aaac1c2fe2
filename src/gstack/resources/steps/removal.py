"""Removes a machine so that it is gone for GCE at once, although CloudStack keeps it for a day.

An ordinary user may not expunge. A destroyed machine keeps its host name, its groups and its place in the network for a
day, and nothing can take them away during that time. So the work does it before: it renames and stops the machine,
detaches a boot disk that stays, frees the addresses, and removes the groups or moves the interface to the parking
network. Then it destroys the machine. If the account may expunge, that does most of this. If a step fails, the steps
before it are undone. Data disks that stay are simply left behind.
"""

from collections.abc import Awaitable
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.operations.model import Op, harmless
from gstack.operations.recipes import Rollback, rollback
from gstack.resources.inventory.machines import GONE, VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.steps import addresses, machines, parking, security_groups
from gstack.resources.steps import volumes as volume_steps

_FAILED = "Error"  # a machine whose deployment failed: CloudStack takes neither groups nor interfaces from it
_NOT_RUNNING = {"Stopped", "Shutdown", _FAILED}


class Removal(msgspec.Struct, frozen=True):
    """Which machine to remove. `keep` and `delete` are uuids of its volumes.

    A volume in neither: a root volume goes, a data volume stays.
    """

    machine_id: str
    name: str
    zone_id: str
    security_groups: bool
    keep: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()


class _Group(msgspec.Struct, frozen=True):
    id: str


class _Machine(VirtualMachine, frozen=True):
    """A machine with its groups."""

    securitygroup: tuple[_Group, ...] = ()


class _Before(msgspec.Struct, frozen=True):
    """The machine as it was when its removal began. `root` is its root volume if that stays, else empty."""

    host: str
    display: str
    state: str
    groups: tuple[str, ...]
    root: str
    expunge: bool


async def remove(op: Op, step: str, spec: Removal) -> None:
    """Remove the machine. If that fails with a Problem, the machine is as before, except for an ephemeral address."""
    before = msgspec.convert(await op.decide(f"{step}-look", lambda: _look(op, spec)), _Before | None)
    if before is None:
        return
    async with rollback(op, f"{step}-undo") as undos:
        await _release(op, step, spec, before, undos)
        await machines.destroy(op, f"{step}-destroy", spec.machine_id, expunge=before.expunge, volume_ids=spec.delete)
    await security_groups.leave(op, f"{step}-groups", before.groups)
    for volume_id in spec.delete:  # destroyed with the machine, but listed unless that was expunged
        try:
            await op.run(f"{step}-purge-{volume_id[:8]}", "deleteVolume", {"id": volume_id}, probe=harmless)
        except Refusal as refusal:
            if not refusal.missing:
                text = f"A deleted disk waits for CloudStack to expunge it: {refusal.message}"
                await op.warn("CLEANUP_FAILED", text)


def discarded_name(op: Op, machine_id: str) -> str:
    """A host name that nobody wants."""
    return f"gone-{op.operation.id}-{machine_id[:8]}"


async def _look(op: Op, spec: Removal) -> _Before | None:
    narrowed = {"id": spec.machine_id, "details": ("nics", "secgrp")}
    found = await op.cloudstack.list_all("listVirtualMachines", _Machine, narrowed)
    machine = next((one for one in found if one.state not in GONE), None)
    if machine is None:
        return None
    volumes = await op.cloudstack.list_all("listVolumes", Volume, {"virtualmachineid": spec.machine_id})
    return _Before(
        host=machine.name,
        display=machine.displayname,
        state=machine.state,
        groups=tuple(group.id for group in machine.securitygroup),
        root=next((one.id for one in volumes if one.type == ROOT and one.id in spec.keep), ""),
        expunge=await machines.may_expunge(op),
    )


async def _release(op: Op, step: str, spec: Removal, before: _Before, undos: Rollback) -> None:
    """Take away what the machine would keep for a day. What cannot be given back unchanged comes last."""
    machine_id, what = spec.machine_id, f"of the instance {spec.name} could not be given back"

    def groups(under: str, group_ids: object) -> Awaitable[Any]:
        parameters = {"id": machine_id, "securitygroupids": group_ids}
        return op.run(under, "updateVirtualMachine", parameters, probe=harmless)

    async def lost_address(_: str) -> None:
        await op.warn("CLEANUP_FAILED", f"The instance {spec.name} lost its ephemeral external address.")

    if not before.expunge:  # the displayname stays the GCE name, which the machine keeps until it is gone
        undos.add(
            "name",
            f"The name {what}",
            lambda under: machines.rename(op, under, machine_id, before.host, before.display),
        )
        await machines.rename(op, f"{step}-rename", machine_id, discarded_name(op, machine_id), spec.name)
    if before.state not in _NOT_RUNNING:
        await machines.stop(op, f"{step}-stop", machine_id)
        failure = f"The instance {spec.name} could not be started again"
        undos.add("start", failure, lambda under: machines.start(op, under, machine_id))
    if before.root:  # it becomes a data disk, and returns with deviceid=0
        await volume_steps.detach(op, f"{step}-detach", before.root)
        undos.add(
            "attach",
            f"The boot disk {what}",
            lambda under: volume_steps.attach(op, under, before.root, machine_id, volume_steps.BOOT),
        )
    if await addresses.free(op, f"{step}-addresses", machine_id):
        undos.add("address", f"The external address {what}", lost_address)
    if before.state == _FAILED:
        return
    if spec.security_groups and before.groups:  # CloudStack allows it while the machine is stopped
        undos.add("groups", f"The security groups {what}", lambda under: groups(under, before.groups))
        await groups(f"{step}-leave", "")
    elif not spec.security_groups and not before.expunge:
        await parking.park(op, step, machine_id, spec.zone_id, undos)
