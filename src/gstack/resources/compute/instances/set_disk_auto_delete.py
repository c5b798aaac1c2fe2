"""instances.setDiskAutoDelete: a fact of the sidecar about the volume, for `delete`. CloudStack is not asked.

`gcloud compute instances delete --delete-disks=all` sends one for each disk at once.
"""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.lookup import parts_of
from gstack.resources.compute.instances.subject import begin, takes_turns, wanted
from gstack.resources.compute.instances.to_gce import device_name
from gstack.resources.inventory import volumes


@serves("compute.instances.setDiskAutoDelete")
async def set_disk_auto_delete(call: Call) -> dict[str, Any]:
    subject, device = await wanted(call), call.params["deviceName"]
    parts = await parts_of(call, subject.machine.id)
    named = (part for index, part in enumerate(parts) if device_name(part, index) == device)
    part = next(named, None)
    if part is None:
        raise Problem.invalid("deviceName", f"'{device}'. No attached disk found with device name '{device}'.")
    kind = volumes.kind(subject.location.id)
    args = {"volume_id": part.volume.id, "kind": kind, "auto_delete": call.params["autoDelete"]}
    return await begin(call, write, subject, args, holds=(f"{subject.scope}/disks/{part.name}",))


@takes_turns
@work("instances.setDiskAutoDelete")
async def write(op: Op) -> None:
    async def keep() -> bool:
        facts = {"auto_delete": bool(op.args["auto_delete"])}
        await op.sidecar.keep(op.args["volume_id"], op.operation.owner, op.args["kind"], facts)
        return True

    await op.decide("keep", keep)
