"""Snapshots that exist only while something is made of them: taken and dropped in recorded steps, shown to nobody.

Their names have the operation's id: one that another operation left behind holds old data and is never used.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.resources.inventory.snapshots import FAILED, PASSING, READY, VolumeSnapshot

_PAUSE = 1.0  # seconds between two looks at a snapshot whose end nobody told


async def take(op: Op, step: str, volume_id: str, purpose: str) -> str:
    """Take a snapshot of a volume; its uuid, once it is ready. `purpose` is a part of its name. Or leave nothing."""
    name = f"{PASSING}{op.operation.id}.{purpose}"

    async def arrived(op: Op) -> Mapping[str, Any] | None:
        found = await _called(op, volume_id, name)
        return next(({"id": one.id, "state": one.state} for one in found if one.state != FAILED), None)

    try:
        answer = await op.run(step, "createSnapshot", {"volumeid": volume_id, "name": name}, probe=arrived)
        await _await_ready(op, step, str(answer["id"]), str(answer.get("state", "")))
    except Problem:
        await _clear(op, step, volume_id, name)
        raise
    return str(answer["id"])


async def drop(op: Op, step: str, snapshot_id: str) -> None:
    """Delete the snapshot; one that would not go is warned about."""

    async def gone(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        return None if any(one.state != "Destroyed" for one in found) else {}

    try:
        await op.run(step, "deleteSnapshot", {"id": snapshot_id}, probe=gone)
    except Problem as problem:
        text = f"CloudStack's snapshot {snapshot_id} could not be removed: {problem.message}"
        await op.warn("CLEANUP_FAILED", text)


async def _called(op: Op, volume_id: str, name: str) -> list[VolumeSnapshot]:
    narrowed = {"volumeid": volume_id, "name": name}
    return await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, narrowed)


async def _await_ready(op: Op, step: str, snapshot_id: str, state: str) -> None:
    """Look until the snapshot is ready, where the answer of its job was lost. It may take hours."""
    if state != READY:
        state = await op.decide(f"{step}-ready", lambda: _settled(op, snapshot_id))
    if state != READY:
        raise Problem.exhausted(f"CloudStack could not take the snapshot that is needed (state {state}).")


async def _settled(op: Op, snapshot_id: str) -> str:
    while True:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        state = found[0].state if found else FAILED
        if state in {READY, FAILED, "Destroyed"}:
            return state
        await asyncio.sleep(_PAUSE)


async def _clear(op: Op, step: str, volume_id: str, name: str) -> None:
    async def look() -> list[str]:
        return [one.id for one in await _called(op, volume_id, name)]

    for snapshot_id in await op.decide(f"{step}-left", look):
        await drop(op, f"{step}-clear-{snapshot_id[:8]}", snapshot_id)
