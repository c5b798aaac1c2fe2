"""Temporary snapshots, which exist only while something is created from them and are never shown.

Their names contain the operation's id, because one that another operation left behind holds old data.
"""

from collections.abc import Sequence
from typing import Any

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.operations.recipes import arrived, gone, removing_new, settled, undoing
from gstack.resources.inventory.snapshots import FAILED, PASSING, READY, VolumeSnapshot

_ENDED = {READY, FAILED, "Destroyed"}


async def take(op: Op, step: str, volume_id: str, purpose: str) -> str:
    """Take a snapshot of a volume and return its uuid once it is ready. If that fails, nothing remains.

    `purpose` becomes part of its name.
    """
    parameters = {"volumeid": volume_id, "name": f"{PASSING}{op.operation.id}.{purpose}"}

    async def find(op: Op) -> Sequence[dict[str, Any]]:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, parameters)
        return [{"id": one.id, "state": one.state} for one in found]

    async def usable(op: Op) -> Sequence[dict[str, Any]]:
        return [one for one in await find(op) if one["state"] != FAILED]

    async def ended() -> str | None:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        state = found[0].state if found else FAILED
        return state if state in _ENDED else None

    failure = f"CloudStack's snapshot {parameters['name']} could not be removed"
    async with removing_new(op, f"{step}-clear", find, (), _delete, failure):
        answer = await op.run(step, "createSnapshot", parameters, probe=arrived(usable))
        snapshot_id, state = str(answer["id"]), answer.get("state")
        if state != READY:  # the answer was lost, and the snapshot may still be on its way
            state = await op.decide(f"{step}-ready", lambda: settled(ended))
        if state != READY:
            raise Problem.exhausted(f"CloudStack could not take the snapshot that is needed (state {state}).")
    return snapshot_id


async def drop(op: Op, step: str, snapshot_id: str) -> None:
    """Delete the snapshot. If CloudStack refuses, the operation gets a warning."""
    async with undoing(op, f"CloudStack's snapshot {snapshot_id} could not be removed"):
        await _delete(op, step, snapshot_id)


async def _delete(op: Op, step: str, snapshot_id: str) -> None:
    probe = gone("listSnapshots", VolumeSnapshot, snapshot_id, lambda one: one.state != "Destroyed")
    await op.run(step, "deleteSnapshot", {"id": snapshot_id}, probe=probe)
