"""snapshots <-> CloudStack's snapshots of volumes; disks.createSnapshot takes one too.

Google's snapshots are global. CloudStack's stay in the zone of their disk: `storageLocations` shows the region of that
zone, and no other can be chosen. The source disk is shown under the name that it had when the snapshot was taken, even
if the disk is gone. CloudStack has one type of snapshot: `snapshotType` is shown if the request named it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import Fetch, Page, PageRequest, list_items
from gstack.operations.model import Op, Target, work
from gstack.operations.recipes import removing_new
from gstack.resources.inventory import snapshots, volumes
from gstack.resources.inventory.accounts import project_of
from gstack.resources.inventory.image_disks import ImageDiskSpec, blank_disk_spec
from gstack.resources.inventory.machines import OWN
from gstack.resources.inventory.names import check_free, check_still_free
from gstack.resources.inventory.snapshots import FAILED, KIND, READY, RESOURCE, FoundSnapshot, VolumeSnapshot
from gstack.resources.inventory.volumes import FoundDisk
from gstack.resources.inventory.zones import Location, locations_of
from gstack.resources.shared.naming import (
    check_description,
    check_label_fingerprint,
    check_labels,
    check_name,
    fingerprint,
    gce_id,
    labels_to_tags,
    slug,
    tags_to_labels,
    timestamp_of,
)
from gstack.resources.shared.present import present
from gstack.resources.shared.references import parse_reference
from gstack.resources.shared.refused import refuse
from gstack.resources.steps import image_disks
from gstack.resources.steps import snapshots as snapshot_steps
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_steps

STATUSES = {READY: "READY", FAILED: "FAILED", "Destroying": "DELETING"}  # in any other state: being taken
_KEYS = "CloudStack does not accept encryption keys."
_STANDARD = "STANDARD"
REFUSED = {
    "snapshotEncryptionKey": _KEYS,
    "sourceDiskEncryptionKey": _KEYS,
    "sourceInstantSnapshot": "instant snapshots are not served here. Use sourceDisk.",
    "sourceInstantSnapshotEncryptionKey": _KEYS,
    "sourceDiskForRecoveryCheckpoint": "recovery checkpoints are not served here. Use sourceDisk.",
    "chainName": "CloudStack keeps the chain of a disk's snapshots by itself.",
    "guestFlush": "CloudStack cannot make the guest flush its caches. Stop the instance for a consistent snapshot.",
    "locationHint": "CloudStack keeps the snapshot where its disk is.",
    "params": "resource manager tags are not served here.",
    "enableConfidentialCompute": "CloudStack offers no confidential disks.",
}


class NewSnapshot(msgspec.Struct, frozen=True):
    """The request of snapshots.insert. The sidecar keeps `source` and `size_gb`, which CloudStack does not.

    `source` is {"disk": path, "disk_id": GCE id}; the size is in GB. `storing` says how to put the disk on storage
    first, if it was never attached.
    """

    name: str
    volume_id: str
    source: dict[str, str]
    size_gb: int
    description: str = ""
    labels: dict[str, str] = {}
    architecture: str = ""
    snapshot_type: str = ""
    storing: ImageDiskSpec | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the sidecar keeps."""
        return present(
            {
                "name": self.name,
                "source": self.source,
                "size_gb": self.size_gb,
                "description": self.description,
                "architecture": self.architecture,
                "snapshot_type": self.snapshot_type,
            }
        )


class OneSnapshot(msgspec.Struct, frozen=True):
    """The request of snapshots.delete."""

    snapshot_id: str


class NewLabels(msgspec.Struct, frozen=True):
    """The request of snapshots.setLabels. `fingerprint` is the one that the client sent."""

    snapshot_id: str
    labels: dict[str, str]
    fingerprint: str


def to_gce(
    found: FoundSnapshot, location: Location | None, source: Mapping[str, str], link: Callable[[str], str]
) -> dict[str, Any]:
    """A Snapshot. `source` is {"disk": path, "disk_id": GCE id}; `link` makes a URL of a path in the project."""
    snapshot = found.snapshot
    labels, status = tags_to_labels(snapshot.tags), STATUSES.get(snapshot.state, "CREATING")
    return present(
        {
            "id": gce_id(snapshot.id),
            "name": found.name,
            "description": found.facts.get("description"),
            "creationTimestamp": timestamp_of(snapshot.created),
            "status": status,
            "diskSizeGb": str(found.gigabytes),
            "storageBytes": str(snapshot.physicalsize),
            "storageBytesStatus": "UPDATING" if status == "CREATING" else "UP_TO_DATE",
            "storageLocations": [location.region] if location else [],
            "snapshotType": found.facts.get("snapshot_type"),
            "architecture": found.facts.get("architecture"),
            "sourceDisk": link(source["disk"]) if source else "",
            "sourceDiskId": source.get("disk_id"),
            "labels": labels,
            "labelFingerprint": fingerprint(labels),
            "selfLink": link(found.path),
            "autoCreated": True if snapshot.intervaltype not in {"", "MANUAL"} else None,
        }
    )


@serves("compute.snapshots.get")
async def get(call: Call) -> dict[str, Any]:
    return (await render(call, [await _find(call, call.params["snapshot"])]))[0]


@serves("compute.snapshots.list")
async def list_(call: Call) -> dict[str, Any]:
    return await list_items(call, pages(call))


def pages(call: Call) -> Fetch:
    """Pages of snapshots: one CloudStack call each."""

    async def fetch(request: PageRequest) -> Page:
        if name := request.equals.get("name"):
            named = await snapshots.named(call.cloudstack, call.sidecar, name)
            return Page(await render(call, named), last=True)
        listed, count = await call.cloudstack.page("listSnapshots", VolumeSnapshot, request.page, request.size, OWN)
        found = await snapshots.with_names(listed, call.sidecar)
        return Page(await render(call, found), not listed or request.page * request.size >= count, count)

    return fetch


async def render(call: Call, found: Sequence[FoundSnapshot]) -> list[dict[str, Any]]:
    """Show snapshots. For snapshots that were not taken here, one more call looks up all their disks."""
    if not found:
        return []
    everywhere, disks = await asyncio.gather(locations_of(call), _disk_names(call, found))
    await call.sidecar.remember_ids([one.uuid for one in found])
    shown = []
    for one in found:
        location = everywhere.of_id(one.snapshot.zoneid)
        shown.append(to_gce(one, location, source_of(one, location, disks), call.link))
    return shown


def source_of(found: FoundSnapshot, location: Location | None, disks: Mapping[str, str]) -> dict[str, str]:
    """The disk of a snapshot: from the facts, else under its present name (`disks`: uuid -> name)."""
    if source := found.facts.get("source"):
        return dict(source)
    snapshot = found.snapshot
    if not location or not snapshot.volumeid:
        return {}
    name = disks.get(snapshot.volumeid) or slug(snapshot.volumename)
    return {"disk": f"zones/{location.zone}/disks/{name}", "disk_id": gce_id(snapshot.volumeid)}


async def _disk_names(call: Call, found: Sequence[FoundSnapshot]) -> dict[str, str]:
    """The names, by uuid, of the disks of those snapshots whose facts do not name the source."""
    wanted = {one.snapshot.volumeid for one in found if "source" not in one.facts and one.snapshot.volumeid}
    if not wanted:
        return {}
    disks = await volumes.search(call.cloudstack, call.sidecar, {"ids": tuple(sorted(wanted))})
    return {one.uuid: one.name for one in disks}


@serves("compute.snapshots.insert")
async def insert(call: Call) -> dict[str, Any]:
    name = await _check_new(call)
    text = call.body.get("sourceDisk") or ""
    reference = parse_reference(text)
    if not reference.name:
        raise Problem.required("resource.sourceDisk")
    if reference.collection != "disks" or not reference.zone:
        raise Problem.invalid("resource.sourceDisk", f"'{text}'. Send zones/ZONE/disks/DISK.")
    if project_of(call, reference.project) != call.project:
        raise Problem.not_found(f"projects/{reference.project}/{reference.scope}/disks/{reference.name}")
    disk, location = await _source_disk(call, reference.zone, reference.name)
    request = await _new_snapshot(call, name, disk, location)
    target = Target("global", "snapshots", name)
    return await call.start(create, target, request, holds=(request.source["disk"],))


@serves("compute.disks.createSnapshot")
async def create_snapshot(call: Call) -> dict[str, Any]:
    """Take a snapshot of the disk in the URL. As on GCE, the operation is the disk's, in its zone."""
    name = await _check_new(call)
    disk, location = await _source_disk(call, call.params["zone"], call.params["disk"])
    text = call.body.get("sourceDisk")
    if text and volumes.disk_name_in(call, location, text) not in {disk.name, gce_id(disk.uuid)}:
        raise Problem.invalid("resource.sourceDisk", f"'{text}' is not the disk of the URL. Leave it out.")
    request = await _new_snapshot(call, name, disk, location)
    target = Target(f"zones/{location.zone}", "disks", disk.name, gce_id(disk.uuid))
    return await call.start(create, target, request, holds=(f"global/snapshots/{name}",))


@work("snapshots.insert", NewSnapshot)
async def create(op: Op, request: NewSnapshot) -> None:
    """Take the snapshot, keep its facts and label it. If a step fails, nothing remains."""
    find = snapshot_steps.of_name(request.volume_id, request.name)

    async def existing(_uuid: str) -> object:
        return await snapshots.find(op.cloudstack, op.sidecar, op.operation.owner, request.name)

    async def ids_before() -> list[str]:
        """Check the name again under its lock. A free name may still be that of snapshots made by hand."""
        collection = f"projects/{op.operation.project}/global/snapshots"
        await check_still_free(op.sidecar, op.operation.owner, KIND, collection, [request.name], existing)
        return [str(one["id"]) for one in await find(op)]

    before = frozenset(await op.decide("known", ids_before))
    failure = f"The snapshot {request.name} could not be removed"
    async with removing_new(op, "undo", find, before, snapshot_steps.delete, failure):
        if request.storing:
            disk_name = request.source["disk"].rpartition("/")[2]
            await image_disks.put_on_storage(op, "storing", request.volume_id, disk_name, request.storing)
        snapshot_id = await snapshot_steps.take(op, "create", request.volume_id, request.name, before)
        if op.operation.target.collection == "snapshots":
            await op.target(gce_id(snapshot_id))
        await op.keep("facts", snapshot_id, KIND, request.facts)
        await tagging.add(op, "labels", RESOURCE, snapshot_id, labels_to_tags(request.labels))


@serves("compute.snapshots.delete")
async def delete(call: Call) -> dict[str, Any]:
    found = await _find(call, call.params["snapshot"])
    return await call.start(remove, _target(found), OneSnapshot(found.uuid))


@work("snapshots.delete", OneSnapshot)
async def remove(op: Op, request: OneSnapshot) -> None:
    """Delete the snapshot and its facts."""
    await snapshot_steps.delete(op, "delete", request.snapshot_id)
    await op.forget("forget", request.snapshot_id)


@serves("compute.snapshots.setLabels")
async def set_labels(call: Call) -> dict[str, Any]:
    found = await _find(call, call.params["resource"])
    labels, sent = check_labels(call.body.get("labels"), "labels"), call.body.get("labelFingerprint", "")
    check_label_fingerprint(sent, tags_to_labels(found.snapshot.tags))
    return await call.start(relabel, _target(found), NewLabels(found.uuid, labels, sent))


@work("snapshots.setLabels", NewLabels)
async def relabel(op: Op, request: NewLabels) -> None:
    """Replace the labels."""
    snapshot_id, labels, sent = request.snapshot_id, request.labels, request.fingerprint
    await tagging.change(op, "labels", RESOURCE, snapshot_id, labels=labels, sent=sent)


async def _check_new(call: Call) -> str:
    """The name of the new snapshot; 409 if a snapshot in any zone has it, or is being taken under it."""
    name = check_name("resource.name", call.body.get("name"))
    refuse(call.body, REFUSED, "resource")
    if (call.body.get("snapshotType") or _STANDARD) != _STANDARD:
        why = f"CloudStack has one kind of snapshot: send {_STANDARD} or nothing."
        raise Problem.unsupported("resource.snapshotType", why)
    if call.params.get("guestFlush"):
        raise Problem.unsupported("guestFlush", REFUSED["guestFlush"])
    path = f"global/snapshots/{name}"
    holder, found = await asyncio.gather(
        call.operations.holder(call.owner_id, path),
        snapshots.find(call.cloudstack, call.sidecar, call.owner_id, name),
    )
    check_free(call.resource("global/snapshots"), [name], [name] if holder or found else [])
    return name


async def _source_disk(call: Call, zone: str, name: str) -> tuple[FoundDisk, Location]:
    location = (await locations_of(call)).zone(call.project, zone)
    path = call.resource(f"zones/{zone}/disks/{name}")
    disk = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, name)
    if disk is None:
        raise Problem.not_found(path)
    if disk.volume.state not in volume_steps.AT_REST:
        raise Problem.not_ready(path)
    return disk, location


async def _new_snapshot(call: Call, name: str, disk: FoundDisk, location: Location) -> NewSnapshot:
    body = call.body
    if body.get("storageLocations") not in (None, [], [location.region]):
        why = f"CloudStack keeps the snapshot where its disk is. Send ['{location.region}'] or nothing."
        raise Problem.unsupported("resource.storageLocations", why)
    path = call.resource(f"zones/{location.zone}/disks/{disk.name}")
    return NewSnapshot(
        name=name,
        volume_id=disk.uuid,
        source={"disk": f"zones/{location.zone}/disks/{disk.name}", "disk_id": gce_id(disk.uuid)},
        size_gb=disk.volume.gigabytes,
        description=check_description(body),
        labels=check_labels(body.get("labels")),
        architecture=body.get("architecture", ""),
        snapshot_type=body.get("snapshotType", ""),
        storing=await blank_disk_spec(call, location, path) if disk.volume.state == "Allocated" else None,
    )


async def _find(call: Call, name: str) -> FoundSnapshot:
    """The snapshot of this name or id; 404 in Google's words."""
    found = await snapshots.find(call.cloudstack, call.sidecar, call.owner_id, name)
    if found is None:
        raise Problem.not_found(call.resource(f"global/snapshots/{name}"))
    return found


def _target(found: FoundSnapshot) -> Target:
    return Target("global", "snapshots", found.name, gce_id(found.uuid))
