"""Steps that create, attach, detach and delete volumes, for the works of disks and instances.

CloudStack creates a volume blank or from a snapshot. To copy a volume, we take a temporary snapshot. CloudStack puts a
blank volume on storage when it is first attached. Until then it holds nothing to copy, so its copy is blank as well.

From the snapshot of a data volume CloudStack creates one of the same offering and size: it refuses an offering and
ignores a size. So that volume gets its own offering and size afterwards.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op, Probe
from gstack.operations.recipes import arrived, gone, ids_before, reached, removing_new, temporary, undoing
from gstack.resources.inventory.snapshots import VolumeSnapshot
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.shared.sizes import GIB
from gstack.resources.steps import snapshots

RESOURCE = "Volume"  # CloudStack's type, for tags
BOOT = 0  # CloudStack's device number of a boot disk
_MOVING = frozenset({"Creating", "Resizing", "Migrating", "Snapshotting", "RevertSnapshotting", "Attaching", "Copying"})
AT_REST = frozenset({"Ready", "Allocated"})  # the states in which CloudStack takes commands on a volume


class NewVolume(msgspec.Struct, frozen=True):
    """A volume to create: blank, from the snapshot `snapshot_id`, or as a copy of the volume `copied_id`.

    `size_gb` is None where only the offering has a size; an empty `offering_id` means that of the snapshot.
    `of_data_volume` tells whether the snapshot or the copied volume is that of a data volume, None that it is unknown.
    """

    name: str
    zone_id: str
    offering_id: str = ""
    size_gb: int | None = None
    snapshot_id: str = ""
    copied_id: str = ""
    of_data_volume: bool | None = None


async def make(op: Op, step: str, spec: NewVolume) -> str:
    """Create a data volume and return its uuid. If that fails, nothing remains."""
    if not spec.copied_id:
        return await _create(op, step, spec, spec.snapshot_id)
    snapshot_id = await snapshots.take_temporary(op, f"{step}-snapshot", spec.copied_id, spec.name)
    async with temporary(lambda: snapshots.drop_temporary(op, f"{step}-drop", snapshot_id)):
        return await _create(op, step, spec, snapshot_id)


async def _create(op: Op, step: str, spec: NewVolume, snapshot_id: str) -> str:
    """Create the volume. Others may have its name: attached ones and those with facts are never this one."""

    async def idle(op: Op) -> list[dict[str, Any]]:
        parameters = {"zoneid": spec.zone_id, "name": spec.name}
        found = await op.cloudstack.list_all("listVolumes", Volume, parameters)
        shown = [one for one in found if one.shown and not one.virtualmachineid]
        facts = await op.sidecar.facts(one.id for one in shown)
        fields = ("id", "state", "size", "diskofferingid")
        return [{field: getattr(one, field) for field in fields} for one in shown if one.id not in facts]

    async def unfinished(op: Op) -> list[dict[str, Any]]:
        """A Ready volume holds data, so it is not what a failed command left."""
        return [one for one in await idle(op) if one["state"] != "Ready"]

    fitted = bool(snapshot_id) and await _of_data_volume(op, step, spec, snapshot_id)
    parameters = {
        "zoneid": spec.zone_id,
        "name": spec.name,
        "diskofferingid": None if fitted else spec.offering_id or None,
        "size": None if fitted else spec.size_gb,
        "snapshotid": snapshot_id or None,
    }
    before = await ids_before(op, f"{step}-known", idle)
    failure = f"The disk {spec.name} could not be removed"
    async with removing_new(op, f"{step}-clear", unfinished, before, delete, failure):
        answer = await op.run(f"{step}-make", "createVolume", parameters, probe=arrived(idle, before))
    volume_id = str(answer["id"])
    if fitted:
        try:
            await _fit(op, f"{step}-fit", spec, answer)
        except Problem:
            async with undoing(op, failure):
                await delete(op, f"{step}-unfit", volume_id)
            raise
    return volume_id


async def _of_data_volume(op: Op, step: str, spec: NewVolume, snapshot_id: str) -> bool:
    if spec.of_data_volume is not None:
        return spec.of_data_volume

    async def look() -> bool:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        return any(one.volumetype != ROOT for one in found)

    return await op.decide(f"{step}-of-data", look)


async def _fit(op: Op, step: str, spec: NewVolume, created: Mapping[str, Any]) -> None:
    """Give a volume the offering and the size of its spec, if it has others. `created` is the volume as it is."""
    offering_id, size = str(created.get("diskofferingid") or ""), (spec.size_gb or 0) * GIB
    other_offering = spec.offering_id not in {"", offering_id}
    if size <= created["size"] and not (offering_id and other_offering):
        return  # a copy of a volume that came as a boot disk may have no disk offering, and needs none
    changes = {"diskofferingid": spec.offering_id if other_offering else None, "size": spec.size_gb}

    def fits(volume: Volume) -> bool:
        return volume.size >= size and spec.offering_id in {"", volume.diskofferingid}

    volume_id = str(created["id"])
    probe = reached("listVolumes", Volume, volume_id, fits, _under_way)
    await op.run(step, "resizeVolume", {"id": volume_id, **changes}, probe=probe)


def _under_way(volume: Volume) -> bool:
    """Whether CloudStack still works on a volume."""
    return volume.state in _MOVING


async def attach(op: Op, step: str, volume_id: str, machine_id: str, device: int | None = None) -> None:
    """Attach a volume. `device` 0 makes it the boot disk of a machine that is stopped and has none."""
    parameters = {"id": volume_id, "virtualmachineid": machine_id, "deviceid": device}
    await op.run(step, "attachVolume", parameters, probe=attached(volume_id, machine_id))


async def detach(op: Op, step: str, volume_id: str) -> None:
    """Detach a volume from its machine. A boot disk becomes a data volume; its machine must be stopped."""
    await op.run(step, "detachVolume", {"id": volume_id}, probe=attached(volume_id, ""))


async def delete(op: Op, step: str, volume_id: str) -> None:
    """Delete a detached volume."""
    probe = gone("listVolumes", Volume, volume_id, lambda one: one.shown)
    await op.run(step, "deleteVolume", {"id": volume_id}, probe=probe)


async def resize(op: Op, step: str, volume_id: str, size_gb: int) -> None:
    """Let a volume grow to this size in GB."""
    grown = reached("listVolumes", Volume, volume_id, lambda one: one.size >= size_gb * GIB, _under_way)
    await op.run(step, "resizeVolume", {"id": volume_id, "size": size_gb}, probe=grown)


def detached_facts(name: str, last_attach: str) -> dict[str, Any]:
    """Return the facts of a disk that was just detached. CloudStack forgets when it was attached."""
    return {
        "name": name,
        "last_attach": last_attach or None,
        "last_detach": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "auto_delete": None,
        "device_name": None,
    }


def attached(volume_id: str, machine_id: str) -> Probe:
    """Return a probe that tells whether the machine has the volume; an empty `machine_id` means that none has."""
    return reached("listVolumes", Volume, volume_id, lambda one: one.virtualmachineid == machine_id)
