"""Steps with volumes, for the works of disks and of instances: made, attached, detached, deleted.

CloudStack makes a volume blank or of a snapshot. A copy of another volume goes by a snapshot that exists for that
moment alone. A blank volume is put on storage when it is first attached: until then there is nothing in it to copy,
and a copy of it is as blank.

Volumes may share a CloudStack name: those that had ours before anything was sent are known, and never ours.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op, Probe
from gstack.resources.inventory import volumes
from gstack.resources.inventory.volumes import Volume
from gstack.resources.steps import passing_snapshots

RESOURCE = "Volume"  # CloudStack's type, for tags
BOOT = 0  # CloudStack's device number of a boot disk


class NewVolume(msgspec.Struct, frozen=True):
    """A volume to be: blank, of the snapshot `snapshot_id`, or a copy of the volume `copied_id`.

    `size_gb` is None where the offering has the only size; `offering_id` is empty where the snapshot's own is taken.
    """

    name: str
    zone_id: str
    offering_id: str = ""
    size_gb: int | None = None
    snapshot_id: str = ""
    copied_id: str = ""


async def make(op: Op, step: str, wish: NewVolume) -> str:
    """Make a data volume; its uuid. Nothing is left where that fails."""
    if not wish.copied_id:
        return await _made(op, step, wish, wish.snapshot_id)
    snapshot_id = await passing_snapshots.take(op, f"{step}-snapshot", wish.copied_id, wish.name)
    try:
        volume_id = await _made(op, step, wish, snapshot_id)
    except Problem:
        await passing_snapshots.drop(op, f"{step}-drop", snapshot_id)
        raise
    await passing_snapshots.drop(op, f"{step}-drop", snapshot_id)
    return volume_id


async def attach(op: Op, step: str, volume_id: str, machine_id: str, device: int | None = None) -> None:
    """Attach a volume; `device` 0 makes it the boot disk of a machine that is stopped and has none."""
    parameters = {"id": volume_id, "virtualmachineid": machine_id, "deviceid": device}
    await op.run(step, "attachVolume", parameters, probe=held(volume_id, machine_id))


async def detach(op: Op, step: str, volume_id: str) -> None:
    """Take a volume from its machine; a boot disk becomes a data volume. The machine is stopped then."""
    await op.run(step, "detachVolume", {"id": volume_id}, probe=held(volume_id, ""))


async def delete(op: Op, step: str, volume_id: str) -> None:
    """Delete a volume that no machine has."""

    async def gone(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVolumes", Volume, {"id": volume_id})
        return None if any(one.shown for one in found) else {}

    await op.run(step, "deleteVolume", {"id": volume_id}, probe=gone)


async def keep(op: Op, step: str, volume_id: str, zone_id: str, facts: Mapping[str, Any]) -> None:
    """Write facts about a disk down."""

    async def write() -> bool:
        await op.sidecar.keep(volume_id, op.operation.owner, volumes.kind(zone_id), facts)
        return True

    await op.decide(step, write)


async def forget(op: Op, step: str, volume_id: str) -> None:
    """Drop what is known of a disk."""

    async def drop() -> bool:
        await op.sidecar.drop(volume_id)
        return True

    await op.decide(step, drop)


def detached_facts(name: str, last_attach: str) -> dict[str, Any]:
    """What is to be known of a disk that no machine has any more. CloudStack forgets when it was attached."""
    return {
        "name": name,
        "last_attach": last_attach or None,
        "last_detach": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "auto_delete": None,
        "device_name": None,
    }


def held(volume_id: str, machine_id: str) -> Probe:
    """A probe: whether this machine has the volume; with an empty `machine_id`, whether none has."""

    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVolumes", Volume, {"id": volume_id})
        return next(({"id": one.id} for one in found if one.virtualmachineid == machine_id), None)

    return probe


async def _made(op: Op, step: str, wish: NewVolume, snapshot_id: str) -> str:
    parameters = {
        "zoneid": wish.zone_id,
        "name": wish.name,
        "diskofferingid": wish.offering_id or None,
        "size": wish.size_gb,
        "snapshotid": snapshot_id or None,
    }

    async def look() -> list[str]:
        return [one.id for one in await _idle(op, wish)]

    known = frozenset(await op.decide(f"{step}-known", look))

    async def arrived(op: Op) -> Mapping[str, Any] | None:
        return next(({"id": one.id} for one in await _idle(op, wish) if one.id not in known), None)

    try:
        return str((await op.run(f"{step}-make", "createVolume", parameters, probe=arrived))["id"])
    except Problem:
        await _clear(op, step, wish, known)
        raise


async def _idle(op: Op, wish: NewVolume) -> list[Volume]:
    """Volumes of the name that no machine has and of which nothing is written down."""
    narrowed = {"zoneid": wish.zone_id, "name": wish.name}
    found = await op.cloudstack.list_all("listVolumes", Volume, narrowed)
    idle = [one for one in found if one.shown and not one.virtualmachineid]
    written = await op.sidecar.facts(one.id for one in idle)
    return [one for one in idle if one.id not in written]


async def _clear(op: Op, step: str, wish: NewVolume, known: AbstractSet[str]) -> None:
    """Delete what a failed making left. One that is Ready holds something and is not what failed."""

    async def look() -> list[str]:
        return [one.id for one in await _idle(op, wish) if one.id not in known and one.state != "Ready"]

    for volume_id in await op.decide(f"{step}-left", look):
        try:
            await delete(op, f"{step}-clear-{volume_id[:8]}", volume_id)
        except Problem as problem:
            await op.warn("CLEANUP_FAILED", f"The disk {wish.name} could not be removed: {problem.message}")
