"""instances.delete: a journalled recipe (`removal`), after which the name and all that the machine had is free.

`autoDelete` is honoured disk by disk. Until the machine is gone it keeps its GCE name, which the sidecar holds, and so
do the disks that stay: a boot disk that stays would be called `ROOT-54` otherwise.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.resources.compute.instances.lookup import located, parts_of, wanted_machine
from gstack.resources.compute.instances.to_gce import goes_with_machine
from gstack.resources.inventory import machines, volumes
from gstack.resources.shared.naming import gce_id
from gstack.resources.steps import removal

_PROTECTED = (
    "Invalid resource usage: 'Resource cannot be deleted if it's protected against deletion. "
    "Please disable deletion protection on the resource.'."
)


class Deletion(msgspec.Struct, frozen=True):
    """The operation's args. By volume uuid: the GCE names of the machine's disks, and since when they are attached."""

    asked: removal.Removal
    names: dict[str, str]
    attached: dict[str, str]


@serves("compute.instances.delete")
async def delete(call: Call) -> dict[str, Any]:
    location = await located(call)
    found = await wanted_machine(call, location)
    if found.machine.deleteprotection:
        raise Problem(400, "invalidResourceUsage", _PROTECTED, code="INVALID_USAGE")
    parts = await parts_of(call, found.machine.id)
    data = [part for part in parts if part.volume.type != volumes.ROOT]
    asked = removal.Removal(
        machine_id=found.machine.id,
        name=found.name,
        zone_id=location.id,
        security_groups=location.security_groups,
        stays=tuple(part.volume.id for part in parts if not goes_with_machine(part)),
        goes=tuple(part.volume.id for part in data if goes_with_machine(part)),
    )
    scope = f"zones/{location.zone}"
    holds = tuple(f"{scope}/disks/{part.name}" for part in parts)
    names = {part.volume.id: part.name for part in parts}
    attached = {part.volume.id: volumes.last_attach(part.volume, part.facts) for part in parts}
    args = msgspec.to_builtins(Deletion(asked, names, attached))
    target = Target(scope, "instances", found.name, gce_id(found.machine.id))
    return await call.start(remove, target, args, holds=holds)


@work("instances.delete")
async def remove(op: Op) -> None:
    """Remove the machine, and forget what was known of it and of the disks that went with it."""
    deletion = msgspec.convert(op.args, Deletion)
    await op.decide("names", lambda: _keep_names(op, deletion))
    await removal.remove(op, "remove", deletion.asked)
    await op.decide("forget", lambda: _forget(op, deletion))


async def _keep_names(op: Op, deletion: Deletion) -> bool:
    """Write down the names, which CloudStack shows no more once the recipe began."""
    owner, asked = op.operation.owner, deletion.asked
    await op.sidecar.keep(asked.machine_id, owner, machines.kind(asked.zone_id), {"name": asked.name})
    for uuid, name in deletion.names.items():
        await op.sidecar.keep(uuid, owner, volumes.kind(asked.zone_id), {"name": name})
    return True


async def _forget(op: Op, deletion: Deletion) -> bool:
    owner, asked = op.operation.owner, deletion.asked
    detached = {
        "last_detach": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "auto_delete": None,
        "device_name": None,
    }
    for uuid in deletion.names:
        if uuid in asked.stays:
            facts = detached | {"last_attach": deletion.attached.get(uuid) or None}
            await op.sidecar.keep(uuid, owner, volumes.kind(asked.zone_id), facts)
        else:
            await op.sidecar.drop(uuid)
    await op.sidecar.drop(asked.machine_id)
    return True
