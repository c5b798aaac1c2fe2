"""disks.delete: a disk that no instance has goes at once; its snapshots and images stay."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.inventory.volumes import check_unused
from gstack.resources.steps import volumes as volume_work
from gstack.resources.storage.disks.lookup import target_of, wanted_disk


@serves("compute.disks.delete")
async def delete(call: Call) -> dict[str, Any]:
    found, location = await wanted_disk(call, call.params["disk"])
    check_unused(call, found, location)
    return await call.start(remove, target_of(found, location), {"volume_id": found.volume.id})


@work("disks.delete")
async def remove(op: Op) -> None:
    """Delete the volume and forget what was known of it."""
    await volume_work.delete(op, "delete", op.args["volume_id"])
    await op.forget("forget", op.args["volume_id"])
