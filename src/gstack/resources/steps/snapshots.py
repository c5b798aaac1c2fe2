"""The works of snapshots, in recorded steps. storage/snapshots.py checks the requests."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op, work
from gstack.operations.recipes import arrived, gone, removing_new, settled
from gstack.resources.inventory import snapshots as volume_snapshots
from gstack.resources.inventory.snapshots import FAILED, KIND, READY, RESOURCE, VolumeSnapshot
from gstack.resources.shared.naming import gce_id, labels_to_tags
from gstack.resources.steps import tags as tagging


class NewSnapshot(msgspec.Struct, frozen=True):
    """The request of snapshots.insert. The sidecar keeps `source` and `size_gb`, which CloudStack does not."""

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
        facts = {
            "name": self.name,
            "source": self.source,
            "size_gb": self.size_gb,
            "description": self.description,
            "architecture": self.architecture,
        }
        return {name: value for name, value in facts.items() if value}


class OneSnapshot(msgspec.Struct, frozen=True):
    """The request of snapshots.delete."""

    snapshot_id: str


class NewLabels(msgspec.Struct, frozen=True):
    """The request of snapshots.setLabels."""

    snapshot_id: str
    labels: dict[str, str]
    fingerprint: str


@work("snapshots.insert", NewSnapshot)
async def make(op: Op, request: NewSnapshot) -> None:
    """Take the snapshot, keep its facts and label it. If a step fails, nothing remains, in state Error neither."""

    async def find(op: Op) -> Sequence[dict[str, Any]]:
        parameters = {"volumeid": request.volume_id, "name": request.name}
        found = await op.cloudstack.list_all("listSnapshots", dict[str, Any], parameters)
        return [one for one in found if one["name"] == request.name and one["state"] not in {"Destroyed", "Destroying"}]

    async def usable(op: Op) -> Sequence[dict[str, Any]]:
        return [one for one in await find(op) if one["state"] != FAILED]

    async def before() -> list[str]:
        """Check the name again under its lock. It may be free although snapshots made by hand have it."""
        owner = op.operation.owner
        kept = await op.sidecar.named(owner, KIND, request.name)
        if kept and await volume_snapshots.find(op.cloudstack, op.sidecar, owner, request.name):
            raise Problem.already_exists(f"projects/{op.operation.project}/global/snapshots/{request.name}")
        return [str(one["id"]) for one in await find(op)]

    known = frozenset(await op.decide("known", before))
    failure = f"The snapshot {request.name} could not be removed"
    async with removing_new(op, "undo", find, known, _delete, failure):
        parameters = {"volumeid": request.volume_id, "name": request.name}
        answer = await op.run("create", "createSnapshot", parameters, probe=arrived(usable, known))
        snapshot_id = str(answer["id"])
        await _await_ready(op, snapshot_id, str(answer.get("state", "")))
        if op.operation.target.collection == "snapshots":
            await op.target(gce_id(snapshot_id))
        await op.keep("facts", snapshot_id, KIND, request.facts)
        await tagging.add(op, "labels", RESOURCE, snapshot_id, labels_to_tags(request.labels))


async def _await_ready(op: Op, snapshot_id: str, state: str) -> None:
    """Wait until the snapshot is ready. It is, unless the answer that it was taken was lost."""

    async def ended() -> str | None:
        found = await op.cloudstack.list_all("listSnapshots", VolumeSnapshot, {"id": snapshot_id})
        state = next((one.state for one in found if one.shown), "gone")
        return state if state in {READY, FAILED, "gone"} else None

    if state != READY:
        state = await op.decide("ready", lambda: settled(ended))
    if state != READY:
        raise Problem.exhausted(f"CloudStack could not take the snapshot (state {state}).")


@work("snapshots.delete", OneSnapshot)
async def remove(op: Op, request: OneSnapshot) -> None:
    """Delete the snapshot and its facts. Disks that were created from it stay."""
    await _delete(op, "delete", request.snapshot_id)
    await op.forget("forget", request.snapshot_id)


@work("snapshots.setLabels", NewLabels)
async def relabel(op: Op, request: NewLabels) -> None:
    """Replace the labels."""
    labels, sent = request.labels, request.fingerprint
    await tagging.change(op, "labels", RESOURCE, request.snapshot_id, labels=labels, sent=sent)


async def _delete(op: Op, step: str, snapshot_id: str) -> None:
    probe = gone("listSnapshots", VolumeSnapshot, snapshot_id, lambda one: one.shown)
    await op.run(step, "deleteSnapshot", {"id": snapshot_id}, probe=probe)
