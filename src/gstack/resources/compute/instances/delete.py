"""instances.delete: removes the machine (steps/removal.py) and frees its name and everything else that it had.

`autoDelete` is honoured disk by disk. The machine keeps its GCE name, in the sidecar, until it is gone. Disks that stay
keep theirs too: otherwise a boot disk would be called `ROOT-54`.
"""

from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.target import disks_of, find_instance
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.volumes import ROOT
from gstack.resources.steps import removal
from gstack.resources.steps import volumes as volume_steps
from gstack.resources.steps.removal import Removal

_PROTECTED = (
    "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion. "
    "Please disable deletion protection on the resource.'."
)


class Deletion(msgspec.Struct, frozen=True):
    """The machine to remove. By volume uuid: the GCE names of its disks, and since when they are attached."""

    removal: Removal
    names: dict[str, str]
    attached: dict[str, str]


@serves("compute.instances.delete")
async def delete(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    if instance.machine.deleteprotection:
        raise Problem(400, "invalidResourceUsage", _PROTECTED, code="INVALID_USAGE")
    disks = await disks_of(call, instance.machine.id)
    request = Deletion(
        removal=Removal(
            machine_id=instance.machine.id,
            name=instance.name,
            zone_id=instance.location.id,
            security_groups=instance.location.security_groups,
            keep=tuple(disk.volume.id for disk in disks if not disk.auto_delete),
            delete=tuple(disk.volume.id for disk in disks if disk.auto_delete and disk.volume.type != ROOT),
        ),
        names={disk.volume.id: disk.name for disk in disks},
        attached={disk.volume.id: volumes.last_attach(disk.volume, disk.facts) for disk in disks},
    )
    locks = tuple(f"{instance.scope}/disks/{disk.name}" for disk in disks)
    return await call.start(remove, instance.target, request, holds=locks)


@work("instances.delete", Deletion)
async def remove(op: Op, request: Deletion) -> None:
    """Remove the machine, and forget it and the disks that went with it."""
    spec, disk_kind = request.removal, volumes.kind(request.removal.zone_id)
    await op.keep("name", spec.machine_id, machines.kind(spec.zone_id), {"name": spec.name})
    for index, (uuid, name) in enumerate(request.names.items()):
        await op.keep(f"name-{index}", uuid, disk_kind, {"name": name})
    await removal.remove(op, "remove", spec)
    for index, uuid in enumerate(spec.keep):
        facts = volume_steps.detached_facts(request.names[uuid], request.attached[uuid])
        await op.keep(f"facts-{index}", uuid, disk_kind, facts)
    await op.forget("forget", spec.machine_id, *(uuid for uuid in request.names if uuid not in spec.keep))
