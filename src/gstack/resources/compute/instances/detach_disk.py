"""instances.detachDisk <-> detachVolume: by device name; the boot disk only of an instance that is stopped.

A detached boot disk is a data volume called `ROOT-54` in CloudStack, so its GCE name is written down first. CloudStack
forgets when a volume was attached, so that is written down too.
"""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.lookup import parts_of
from gstack.resources.compute.instances.subject import begin, check_settled, check_stopped, wanted
from gstack.resources.compute.instances.to_gce import device_name
from gstack.resources.inventory import volumes
from gstack.resources.steps import volumes as volume_work


@serves("compute.instances.detachDisk")
async def detach_disk(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    name = call.params["deviceName"]
    parts = await parts_of(call, subject.machine.id)
    named = (part for index, part in enumerate(parts) if device_name(part, index) == name)
    part = next(named, None)
    if part is None:
        raise Problem.invalid("deviceName", f"'{name}'. No attached disk found with device name '{name}'.")
    if part.volume.type == volumes.ROOT:
        check_stopped(call, subject, "its boot disk is detached")
    args = {
        "volume_id": part.volume.id,
        "zone_id": subject.location.id,
        "disk": part.name,
        "attached": volumes.last_attach(part.volume, part.facts),
    }
    return await begin(call, detach, subject, args, holds=(f"{subject.scope}/disks/{part.name}",))


@work("instances.detachDisk")
async def detach(op: Op) -> None:
    """Write the name down, detach the volume, write down when that was."""
    args = op.args
    volume_id, zone_id = args["volume_id"], args["zone_id"]
    await volume_work.keep(op, "name", volume_id, zone_id, {"name": args["disk"]})
    await volume_work.detach(op, "detach", volume_id)
    facts = volume_work.detached_facts(args["disk"], args["attached"])
    await volume_work.keep(op, "facts", volume_id, zone_id, facts)
