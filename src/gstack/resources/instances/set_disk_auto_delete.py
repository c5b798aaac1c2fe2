"""instances.setDiskAutoDelete: a fact of the sidecar about the volume, for `delete`. CloudStack is not asked."""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.resources import volumes
from gstack.resources.instances.lookup import located, parts_of, wanted_machine
from gstack.resources.instances.to_gce import device_name
from gstack.resources.naming import gce_id


@serves("compute.instances.setDiskAutoDelete")
async def set_disk_auto_delete(call: Call) -> dict[str, Any]:
    location = await located(call)
    found = await wanted_machine(call, location)
    wanted = call.params["deviceName"]
    parts = await parts_of(call, found.machine.id)
    named = (part for index, part in enumerate(parts) if device_name(part, index) == wanted)
    part = next(named, None)
    if part is None:
        raise Problem.invalid("deviceName", f"'{wanted}'. No attached disk found with device name '{wanted}'.")
    scope = f"zones/{location.zone}"
    target = Target(scope, "instances", found.name, gce_id(found.machine.id))
    args = {"volume_id": part.volume.id, "kind": volumes.kind(location.id), "auto_delete": call.params["autoDelete"]}
    return await call.start(write, target, args, holds=(f"{scope}/disks/{part.name}",))


@work("instances.setDiskAutoDelete")
async def write(op: Op) -> None:
    async def keep() -> bool:
        facts = {"auto_delete": bool(op.args["auto_delete"])}
        await op.sidecar.keep(op.args["volume_id"], op.operation.owner, op.args["kind"], facts)
        return True

    await op.decide("keep", keep)
