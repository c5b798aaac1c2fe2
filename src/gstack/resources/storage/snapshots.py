"""snapshots <-> CloudStack's snapshots of volumes; disks.createSnapshot is the same work under another name.

Google's snapshots are global, CloudStack's stay in the zone of their disk: `storageLocations` shows its region, and no
other can be chosen. The source disk is shown as it was called when the snapshot was taken, also when it is gone.
CloudStack puts a disk on storage when it is first attached; before that there is nothing to take a snapshot of.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import Batch, Fetch, Window, list_items
from gstack.operations.model import Target
from gstack.resources.inventory import snapshots as volume_snapshots
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import meant
from gstack.resources.inventory.machines import OWN
from gstack.resources.inventory.snapshots import FAILED, READY, FoundSnapshot, VolumeSnapshot
from gstack.resources.inventory.volumes import FoundDisk
from gstack.resources.inventory.zones import Location, Locations, locations
from gstack.resources.shared.naming import (
    check_description,
    check_fingerprint,
    check_labels,
    check_name,
    fingerprint,
    gce_id,
    slug,
    tags_to_labels,
    timestamp_of,
)
from gstack.resources.shared.references import parse_reference
from gstack.resources.shared.refused import refuse
from gstack.resources.steps.snapshots import NewLabels, NewSnapshot, OneSnapshot, make, relabel, remove

STATUSES = {READY: "READY", FAILED: "FAILED", "Destroying": "DELETING"}  # any other is one on its way
_KEYS = "CloudStack takes no keys of yours."
_KIND = "STANDARD"
_REFUSED = {
    "snapshotEncryptionKey": _KEYS,
    "sourceDiskEncryptionKey": _KEYS,
    "sourceInstantSnapshot": "instant snapshots are not served here. Use sourceDisk.",
    "sourceInstantSnapshotEncryptionKey": _KEYS,
    "sourceDiskForRecoveryCheckpoint": "recovery checkpoints are not served here. Use sourceDisk.",
    "chainName": "CloudStack keeps the chain of a disk's snapshots by itself.",
    "snapshotType": "CloudStack has one kind of snapshot: send STANDARD or nothing.",
    "guestFlush": "CloudStack does not ask the guest to write its caches. Stop the instance for a quiet disk.",
    "locationHint": "CloudStack keeps the snapshot where its disk is.",
    "params": "resource manager tags are not served here.",
    "enableConfidentialCompute": "CloudStack offers no confidential disks.",
}


def to_gce(
    found: FoundSnapshot, location: Location | None, source: Mapping[str, str], link: Callable[[str], str]
) -> dict[str, Any]:
    """A Snapshot. `source` is {"disk": path, "disk_id": GCE id}; `link` makes a URL of a path in the project."""
    one = found.snapshot
    labels, status = tags_to_labels(one.tags), STATUSES.get(one.state, "CREATING")
    shown = {
        "id": gce_id(one.id),
        "name": found.name,
        "description": found.facts.get("description", ""),
        "creationTimestamp": timestamp_of(one.created),
        "status": status,
        "diskSizeGb": str(found.gigabytes),
        "storageBytes": str(one.physicalsize),
        "storageBytesStatus": "UPDATING" if status == "CREATING" else "UP_TO_DATE",
        "storageLocations": [location.region] if location else [],
        "snapshotType": _KIND,
        "architecture": found.facts.get("architecture", ""),
        "sourceDisk": link(source["disk"]) if source else "",
        "sourceDiskId": source.get("disk_id", ""),
        "labels": labels,
        "labelFingerprint": fingerprint(labels),
        "selfLink": link(f"global/snapshots/{found.name}"),
    }
    auto = {"autoCreated": True} if one.intervaltype not in {"", "MANUAL"} else {}
    return {name: value for name, value in shown.items() if value not in ("", [], {})} | auto


@serves("compute.snapshots.get")
async def get(call: Call) -> dict[str, Any]:
    return (await render(call, [await _wanted(call, call.params["snapshot"])]))[0]


@serves("compute.snapshots.list")
async def list_(call: Call) -> dict[str, Any]:
    return await list_items(call, pages(call))


def pages(call: Call) -> Fetch:
    """Pages of snapshots: one CloudStack call each."""

    async def fetch(window: Window) -> Batch:
        if name := window.equals.get("name"):
            named = await volume_snapshots.named(call.cloudstack, call.sidecar, name)
            return Batch(await render(call, named), last=True)
        listed, count = await call.cloudstack.page("listSnapshots", VolumeSnapshot, window.page, window.size, OWN)
        found = await volume_snapshots.with_names(listed, call.sidecar)
        return Batch(await render(call, found), not listed or window.page * window.size >= count, count)

    return fetch


async def render(call: Call, found: Sequence[FoundSnapshot]) -> list[dict[str, Any]]:
    """Show snapshots. The disks of those that were not taken here cost one call for all of them."""
    if not found:
        return []
    everywhere, disks = await asyncio.gather(locations(call.cloudstack, call.settings.names), _disks(call, found))
    await call.sidecar.remember_ids([one.snapshot.id for one in found])
    shown = []
    for one in found:
        location = everywhere.of_id(one.snapshot.zoneid)
        shown.append(to_gce(one, location, source_of(one, location, disks), call.link))
    return shown


def source_of(one: FoundSnapshot, location: Location | None, disks: Mapping[str, str]) -> dict[str, str]:
    """The disk that a snapshot was taken of: as written down, else as it is called (`disks`: uuid -> name)."""
    if known := one.facts.get("source"):
        return dict(known)
    name = disks.get(one.snapshot.volumeid) or slug(one.snapshot.volumename)
    if not location or not one.snapshot.volumeid:
        return {}
    return {"disk": f"zones/{location.zone}/disks/{name}", "disk_id": gce_id(one.snapshot.volumeid)}


async def _disks(call: Call, found: Sequence[FoundSnapshot]) -> dict[str, str]:
    wanted = {one.snapshot.volumeid for one in found if "source" not in one.facts and one.snapshot.volumeid}
    if not wanted:
        return {}
    disks = await volumes.search(call.cloudstack, call.sidecar, {"ids": tuple(sorted(wanted))})
    return {one.volume.id: one.name for one in disks}


@serves("compute.snapshots.insert")
async def insert(call: Call) -> dict[str, Any]:
    name = await _new_name(call)
    field = "resource.sourceDisk"
    told = parse_reference(call.body.get("sourceDisk") or "")
    if not told.name:
        raise Problem.required(field)
    if told.collection != "disks" or not told.zone:
        text = f"'{call.body['sourceDisk']}'. Send zones/ZONE/disks/DISK."
        raise Problem.invalid(field, text)
    if meant(call, told.project) != call.project:
        raise Problem.not_found(f"projects/{told.project}/{told.scope}/disks/{told.name}")
    everywhere = await locations(call.cloudstack, call.settings.names)
    disk, place = await _disk(call, everywhere, told.zone, told.name)
    snapshot = _new_snapshot(call, name, disk, place)
    target = Target("global", "snapshots", name)
    return await call.start(make, target, snapshot, holds=(snapshot.source["disk"],))


@serves("compute.disks.createSnapshot")
async def create_snapshot(call: Call) -> dict[str, Any]:
    """Take a snapshot of the disk in the URL. As with Google the operation is the disk's, in its zone."""
    name = await _new_name(call)
    everywhere = await locations(call.cloudstack, call.settings.names)
    disk, place = await _disk(call, everywhere, call.params["zone"], call.params["disk"])
    _check_source(call, disk, place)
    snapshot = _new_snapshot(call, name, disk, place)
    target = Target(f"zones/{place.zone}", "disks", disk.name, gce_id(disk.volume.id))
    return await call.start(make, target, snapshot, holds=(f"global/snapshots/{name}",))


def _check_source(call: Call, disk: FoundDisk, place: Location) -> None:
    """The disk that the body names must be that of the URL."""
    sent = call.body.get("sourceDisk")
    if sent and volumes.disk_name_in(call, place, sent) not in {disk.name, gce_id(disk.volume.id)}:
        raise Problem.invalid("resource.sourceDisk", f"'{sent}' is not the disk of the URL. Leave it out.")


@serves("compute.snapshots.delete")
async def delete(call: Call) -> dict[str, Any]:
    found = await _wanted(call, call.params["snapshot"])
    return await call.start(remove, _target(found), OneSnapshot(found.snapshot.id))


@serves("compute.snapshots.setLabels")
async def set_labels(call: Call) -> dict[str, Any]:
    found = await _wanted(call, call.params["resource"])
    labels, sent = check_labels(call.body.get("labels"), "labels"), call.body.get("labelFingerprint", "")
    check_fingerprint(sent, tags_to_labels(found.snapshot.tags))
    return await call.start(relabel, _target(found), NewLabels(found.snapshot.id, labels, sent))


async def _new_name(call: Call) -> str:
    """The name of the snapshot to be; 409 where one has it or is being made under it, in whichever zone."""
    name = check_name("resource.name", call.body.get("name"))
    refuse(call.body | _void(call.body, "snapshotType", _KIND), _REFUSED, "resource")
    if call.params.get("guestFlush"):
        raise Problem.unsupported("guestFlush", _REFUSED["guestFlush"])
    path = f"global/snapshots/{name}"
    held, found = await asyncio.gather(
        call.operations.holder(call.owner_id, path),
        volume_snapshots.find(call.cloudstack, call.sidecar, call.owner_id, name),
    )
    if held or found:
        raise Problem.already_exists(call.resource(path))
    return name


def _void(body: Mapping[str, Any], field: str, usual: str) -> dict[str, Any]:
    """The field as if it was not sent, where it says what is so anyway."""
    return {field: None} if body.get(field) == usual else {}


async def _disk(call: Call, everywhere: Locations, zone: str, name: str) -> tuple[FoundDisk, Location]:
    place = everywhere.zone(call.project, zone)
    path = call.resource(f"zones/{zone}/disks/{name}")
    found = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, place, name)
    if found is None:
        raise Problem.not_found(path)
    if found.volume.state == "Allocated":
        why = "CloudStack puts a disk on storage when it is first attached. Attach it to an instance once"
        raise Problem.not_ready(path, f"The disk '{path}' holds nothing to take a snapshot of: {why}.")
    if found.volume.state != "Ready":
        raise Problem.not_ready(path)
    return found, place


def _new_snapshot(call: Call, name: str, disk: FoundDisk, place: Location) -> NewSnapshot:
    body = call.body
    if body.get("storageLocations") not in (None, [], [place.region]):
        why = f"CloudStack keeps the snapshot where its disk is. Send ['{place.region}'] or nothing."
        raise Problem.unsupported("resource.storageLocations", why)
    return NewSnapshot(
        name=name,
        volume_id=disk.volume.id,
        source={"disk": f"zones/{place.zone}/disks/{disk.name}", "disk_id": gce_id(disk.volume.id)},
        size_gb=disk.volume.gigabytes,
        description=check_description(body),
        labels=check_labels(body.get("labels")),
        architecture=body.get("architecture", ""),
    )


async def _wanted(call: Call, name: str) -> FoundSnapshot:
    found = await volume_snapshots.find(call.cloudstack, call.sidecar, call.owner_id, name)
    if found is None:
        raise Problem.not_found(call.resource(f"global/snapshots/{name}"))
    return found


def _target(found: FoundSnapshot) -> Target:
    return Target("global", "snapshots", found.name, gce_id(found.snapshot.id))
