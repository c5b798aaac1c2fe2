"""disks.resize: a disk grows, attached or not, and never shrinks, as on Google's.

A disk type of fixed size cannot: CloudStack would make it a disk of another offering. A boot disk grows without one.
"""

from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.inventory.disk_offerings import disk_offerings
from gstack.resources.inventory.volumes import GIB, FoundDisk, Volume
from gstack.resources.storage.disks.lookup import target_of, wanted_disk
from gstack.resources.storage.disks.reads import kind_of

_STILL = frozenset({"Ready", "Allocated"})  # CloudStack's states in which a volume can grow


@serves("compute.disks.resize")
async def resize(call: Call) -> dict[str, Any]:
    found, location = await wanted_disk(call, call.params["disk"])
    size_gb = await growth(call, found, call.body.get("sizeGb"), "sizeGb")
    if found.volume.state not in _STILL:
        raise Problem.not_ready(call.resource(f"zones/{location.zone}/disks/{found.name}"))
    return await call.start(enlarge, target_of(found, location), {"volume_id": found.volume.id, "size_gb": size_gb})


async def growth(call: Call, found: FoundDisk, sent: object, field: str) -> int:
    """The size that was asked for, in GB; 400 where the disk cannot have it."""
    if not sent:
        raise Problem.required(field)
    volume, size_gb = found.volume, int(str(sent))
    if size_gb <= volume.gigabytes:
        why = f"New disk size '{size_gb}' must be larger than existing size '{volume.gigabytes}'."
        raise Problem.invalid(field, f"'{size_gb}'. {why}")
    if volume.diskofferingid:
        known = await disk_offerings(call.cloudstack, call.settings.names)
        kind = kind_of(volume, found.facts.get(volume.id, {}), known)
        known.choose(kind, size_gb, volume.zoneid, ("type", field))
    return size_gb


@work("disks.resize")
async def enlarge(op: Op) -> None:
    """Resize the volume."""
    await grow(op, "resize", op.args["volume_id"], op.args["size_gb"])


async def grow(op: Op, step: str, volume_id: str, size_gb: int) -> None:
    """Give a volume this size, as a step of any work."""

    async def grown(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVolumes", Volume, {"id": volume_id})
        return next(({"id": one.id} for one in found if one.size >= size_gb * GIB and one.state in _STILL), None)

    await op.run(step, "resizeVolume", {"id": volume_id, "size": size_gb}, probe=grown)
