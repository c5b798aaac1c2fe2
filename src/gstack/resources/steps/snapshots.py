"""Steps that take and delete snapshots of volumes, for the works of snapshots, disks and images.

Temporary snapshots exist only while something is created from them and are never shown. Their names contain the
operation's id, because one that another operation left behind holds old data.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.operations.recipes import Find, arrived, gone, removing_new, settled, undoing
from gstack.resources.inventory.snapshots import FAILED, READY, TEMPORARY, VolumeSnapshot

_GONE = frozenset({"Destroyed", "Destroying"})


def of_name(volume_id: str, name: str) -> Find:
    """Find the snapshots of a volume that have this CloudStack name, those in state Error too."""

    async def find(op: Op) -> Sequence[Mapping[str, Any]]:
        parameters = {"volumeid": volume_id, "name": name}
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, parameters)
        return [{"id": one.id, "state": one.state} for one in found if one.name == name and one.state not in _GONE]

    return find


async def take(op: Op, step: str, volume_id: str, name: str, before: Collection[str] = ()) -> str:
    """Take a snapshot of a volume and return its uuid once it is ready. `before` are the uuids of older ones."""
    find = of_name(volume_id, name)

    async def usable(op: Op) -> Sequence[Mapping[str, Any]]:
        return [one for one in await find(op) if one["state"] != FAILED]

    async def ended() -> str | None:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        state = next((one.state for one in found if one.state != "Destroyed"), "gone")
        return state if state in {READY, FAILED, "gone"} else None

    parameters = {"volumeid": volume_id, "name": name}
    answer = await op.run(step, "createSnapshot", parameters, probe=arrived(usable, before))
    snapshot_id, state = str(answer["id"]), answer.get("state")
    if state != READY:  # the answer was lost, and the snapshot may still be on its way
        state = await op.decide(f"{step}-ready", lambda: settled(ended))
    if state != READY:
        raise Problem.exhausted(f"CloudStack could not take the snapshot (state {state}).")
    return snapshot_id


async def delete(op: Op, step: str, snapshot_id: str) -> None:
    """Delete a snapshot. What was created from it stays."""
    probe = gone("listSnapshots", VolumeSnapshot, snapshot_id, lambda one: one.state != "Destroyed")
    await op.run(step, "deleteSnapshot", {"id": snapshot_id}, probe=probe)


async def take_temporary(op: Op, step: str, volume_id: str, purpose: str) -> str:
    """Take a temporary snapshot and return its uuid. If that fails, nothing remains.

    `purpose` becomes part of its name.
    """
    name = f"{TEMPORARY}{op.operation.id}.{purpose}"
    failure = f"CloudStack's snapshot {name} could not be removed"
    async with removing_new(op, f"{step}-clear", of_name(volume_id, name), (), delete, failure):
        return await take(op, step, volume_id, name)


async def drop_temporary(op: Op, step: str, snapshot_id: str) -> None:
    """Delete a temporary snapshot. If CloudStack refuses, the operation gets a warning."""
    async with undoing(op, f"CloudStack's snapshot {snapshot_id} could not be removed"):
        await delete(op, step, snapshot_id)
