"""Whether the names of a new instance and its disks are free: asked before the operation, and again under its holds.

Between the two another operation may have made one; what it made it wrote down, so the second look costs CloudStack a
call only where the sidecar knows the name.
"""

import asyncio
from collections.abc import Collection, Iterable

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Op
from gstack.resources.compute.instances.plan import DiskPlan, Plan
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.zones import Location


def new_names(disks: Iterable[DiskPlan]) -> list[str]:
    """The names of the disks that will be made. Pure."""
    return [disk.name for disk in disks if not disk.volume_id]


async def check_free(call: Call, location: Location, name: str, disks: Collection[str]) -> None:
    """409 where the zone has an instance or a disk of a name that is to be made."""
    machine, taken = await asyncio.gather(
        machines.find(call.cloudstack, call.sidecar, call.owner_id, location, name),
        _taken(call, location, name, set(disks)),
    )
    if machine:
        raise Problem.already_exists(call.resource(f"zones/{location.zone}/instances/{name}"))
    for disk in disks:
        if disk in taken:
            raise Problem.already_exists(call.resource(f"zones/{location.zone}/disks/{disk}"))


async def _taken(call: Call, location: Location, instance: str, wanted: set[str]) -> set[str]:
    """Names that disks of the zone have: all of them with one list; a boot disk called as its instance with less.

    Whether a machine has that one is asked for the instance already.
    """
    if wanted - {instance}:
        listed = await volumes.search(call.cloudstack, call.sidecar, {"zoneid": location.id})
        return {one.name for one in listed}
    if not wanted:
        return set()
    found = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, instance, of_machines=False)
    return {instance} if found else set()


async def check_still_free(op: Op, plan: Plan) -> bool:
    """409 for a name that another operation took between the request's checks and our holds; else True."""
    zone_id, owner = plan.placement.location_id, op.operation.owner
    place, parameters = f"projects/{op.operation.project}/zones/{plan.zone}", {"zoneid": zone_id}
    uuid = await op.sidecar.named(owner, machines.kind(zone_id), plan.name)
    if uuid and await machines.search(op.cloudstack, op.sidecar, {"id": uuid, **parameters}):
        raise Problem.already_exists(f"{place}/instances/{plan.name}")
    for disk in new_names([plan.boot, *plan.data]):
        uuid = await op.sidecar.named(owner, volumes.kind(zone_id), disk)
        if uuid and await volumes.search(op.cloudstack, op.sidecar, {"id": uuid, **parameters}):
            raise Problem.already_exists(f"{place}/disks/{disk}")
    return True
