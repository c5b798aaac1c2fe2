"""The work behind snapshots: taken, deleted, labelled, in recorded steps. snapshots.py checks what is asked.

Snapshots may share a CloudStack name: those that had ours before anything was sent are known, and never ours.
"""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op, work
from gstack.resources.inventory import snapshots as volume_snapshots
from gstack.resources.inventory.snapshots import FAILED, KIND, READY, RESOURCE, VolumeSnapshot
from gstack.resources.shared.naming import gce_id, labels_to_tags
from gstack.resources.steps import tags as tagging

_PAUSE = 1.0  # seconds between two looks at a snapshot whose end nobody told


class Wish(msgspec.Struct, frozen=True):
    """The args of the work: what is taken of which volume. `source` and `size_gb` are kept beside the snapshot."""

    name: str
    volume_id: str
    source: dict[str, str]
    size_gb: int
    description: str = ""
    labels: dict[str, str] = {}
    architecture: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the sidecar keeps."""
        known = {
            "name": self.name,
            "source": self.source,
            "size_gb": self.size_gb,
            "description": self.description,
            "architecture": self.architecture,
        }
        return {key: value for key, value in known.items() if value}


@work("snapshots.insert")
async def make(op: Op) -> None:
    """Take the snapshot, write down what CloudStack has no place for, tag it; or leave nothing."""
    wish = msgspec.convert(op.args, Wish)
    known = frozenset(await op.decide("known", lambda: _known(op, wish)))
    try:
        snapshot_id = await _taken(op, wish, known)
        if op.operation.target.collection == "snapshots":
            await op.target(gce_id(snapshot_id))
        await op.decide("facts", lambda: _write_down(op, snapshot_id, wish))
        await tagging.add(op, "labels", RESOURCE, snapshot_id, labels_to_tags(wish.labels))
    except Problem:
        await _take_back(op, wish, known)
        raise


@work("snapshots.delete")
async def remove(op: Op) -> None:
    """Delete the snapshot and forget what was known of it. Disks made of it stay."""
    await _deleted(op, "delete", op.args["snapshot_id"])
    await op.decide("forget", lambda: _forget(op, [op.args["snapshot_id"]]))


@work("snapshots.setLabels")
async def relabel(op: Op) -> None:
    """Replace the labels."""
    args = op.args
    await tagging.change(op, "labels", RESOURCE, args["snapshot_id"], labels=args["labels"], sent=args["fingerprint"])


async def _taken(op: Op, wish: Wish, known: AbstractSet[str]) -> str:
    """Take the snapshot; its uuid, once it is ready."""

    async def arrived(op: Op) -> Mapping[str, Any] | None:
        ours = (one for one in await _of_wish(op, wish) if one["id"] not in known)
        return next((one for one in ours if one["state"] != FAILED), None)

    parameters = {"volumeid": wish.volume_id, "name": wish.name}
    answer = await op.run("create", "createSnapshot", parameters, probe=arrived)
    snapshot_id = str(answer["id"])
    state = answer.get("state")
    if state != READY:  # its answer was lost, and it may be on its way
        state = await op.decide("ready", lambda: _settled(op, snapshot_id))
    if state != READY:
        raise Problem.exhausted(f"CloudStack could not take the snapshot (state {state}).")
    return snapshot_id


async def _known(op: Op, wish: Wish) -> list[str]:
    """The snapshots of the volume that have the name already; 409 where one was taken since the request's checks.

    Two hand-made ones of a name show under others, so the name may be free though some have it.
    """
    owner = op.operation.owner
    written = await op.sidecar.named(owner, KIND, wish.name)
    if written and await volume_snapshots.find(op.cloudstack, op.sidecar, owner, wish.name):
        raise Problem.already_exists(f"projects/{op.operation.project}/global/snapshots/{wish.name}")
    return [str(one["id"]) for one in await _of_wish(op, wish)]


async def _of_wish(op: Op, wish: Wish) -> list[dict[str, Any]]:
    narrowed = {"volumeid": wish.volume_id, "name": wish.name}
    found = await op.cloudstack.list_all("listSnapshots", dict[str, Any], narrowed)
    return [one for one in found if one["name"] == wish.name and one["state"] not in {"Destroyed", "Destroying"}]


async def _settled(op: Op, snapshot_id: str) -> str:
    """Look until the snapshot is ready, has failed or is gone. It may take hours."""
    while True:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        state = next((one.state for one in found if one.shown), "gone")
        if state in {READY, FAILED, "gone"}:
            return state
        await asyncio.sleep(_PAUSE)


async def _write_down(op: Op, snapshot_id: str, wish: Wish) -> bool:
    await op.sidecar.keep(snapshot_id, op.operation.owner, KIND, wish.facts)
    return True


async def _take_back(op: Op, wish: Wish, known: AbstractSet[str]) -> None:
    """Remove what the failure left, a snapshot in state Error too; warn about what would not go."""

    async def look() -> list[str]:
        return sorted({str(one["id"]) for one in await _of_wish(op, wish)} - known)

    left = await op.decide("undo-look", look)
    for snapshot_id in left:
        try:
            await _deleted(op, f"undo-{snapshot_id[:8]}", snapshot_id)
        except Problem as problem:
            await op.warn("CLEANUP_FAILED", f"The snapshot {wish.name} could not be removed: {problem.message}")
    await op.decide("undo-facts", lambda: _forget(op, left))


async def _deleted(op: Op, step: str, snapshot_id: str) -> None:
    async def gone(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        return None if any(one.shown for one in found) else {}

    await op.run(step, "deleteSnapshot", {"id": snapshot_id}, probe=gone)


async def _forget(op: Op, snapshot_ids: Sequence[str]) -> bool:
    for snapshot_id in snapshot_ids:
        await op.sidecar.drop(snapshot_id)
    return True
