"""disks.insert: blank, or from an image, a snapshot or another disk.

CloudStack puts an image on a disk only when a machine boots from it. So a temporary machine creates the disk
(steps/image_disks.py), and the operation warns that the image was booted. CloudStack keeps snapshots and disks in one
zone, so the new disk must be in the zone of its source. If a request for a blank disk names no size, the disk gets
Google's default size of its type, within the sizes that the cloud allows.
"""

import asyncio
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.operations.recipes import undoing
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import project_names
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings, check_not_smaller, disk_offerings
from gstack.resources.inventory.disks import type_of
from gstack.resources.inventory.image_disks import ImageDiskRequest, ImageDiskSpec, image_disk_spec, root_disk
from gstack.resources.inventory.names import check_free, check_still_free
from gstack.resources.inventory.snapshots import resolve_snapshot
from gstack.resources.inventory.zones import Location, zone_of
from gstack.resources.shared.naming import check_description, check_labels, check_name, gce_id, labels_to_tags
from gstack.resources.shared.present import present
from gstack.resources.shared.references import type_named
from gstack.resources.shared.refused import IGNORED, refuse
from gstack.resources.steps import image_disks
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_steps
from gstack.resources.steps.volumes import NewVolume
from gstack.resources.storage.disks.reads import BLOCK_BYTES

_KEYS = "CloudStack does not accept encryption keys."
_RATE = "the disk offering behind the disk type sets the rate."
REFUSED = {
    "sourceImageEncryptionKey": _KEYS,
    "sourceSnapshotEncryptionKey": _KEYS,
    "diskEncryptionKey": _KEYS,
    "sourceInstantSnapshot": "instant snapshots are not served here. Use sourceSnapshot.",
    "sourceStorageObject": "CloudStack reads no buckets. Make an image of the file's URL.",
    "enableConfidentialCompute": "CloudStack offers no confidential disks.",
    "provisionedIops": _RATE,
    "provisionedThroughput": _RATE,
    "replicaZones": "CloudStack's disks are in one zone.",
    "asyncPrimaryDisk": "CloudStack does not copy disks to other zones.",
    "resourcePolicies": "resource policies are not served here.",
    "storagePool": "CloudStack chooses the storage.",
    "locationHint": "CloudStack chooses the storage.",
    "params": "resource manager tags are not served here.",
    "options": "Google does not document it.",
    **dict.fromkeys(
        ("sourceMachineImage", "sourceMachineImageDiskDeviceName", "sourceMachineImageEncryptionKey"),
        "machine images are not served here. Use an image.",
    ),
}
STORED = ("architecture", "guestOsFeatures", "licenseCodes", "licenses")  # shown as sent, without an effect
_ACCESS_MODE = "READ_WRITE_SINGLE"


class NewDisk(msgspec.Struct, frozen=True):
    """The request of disks.insert. The sidecar gets `facts`; `making` is set for a disk of an image."""

    volume: NewVolume
    facts: dict[str, Any]
    labels: dict[str, str] = {}
    making: ImageDiskSpec | None = None


class _Source(msgspec.Struct, frozen=True):
    """What a disk is created from; empty for a blank disk. The disk gets at least `size_gb`.

    `kind` is the disk type if the request names none. `path` is locked while the disk is created.
    """

    volume: NewVolume
    size_gb: int = 0
    kind: str = ""
    fact: dict[str, str] = {}
    path: str = ""


@serves("compute.disks.insert")
async def insert(call: Call) -> dict[str, Any]:
    location = await zone_of(call, call.params["zone"])
    name = check_name("resource.name", call.body.get("name"))
    _check_fields(call)
    disk_types = await disk_offerings(call.cloudstack, call.settings.names)
    if image := _image(call):
        spec, path = await _of_image(call, location, name, image, disk_types), ""
    else:
        spec, path = await _of_source(call, location, name, disk_types)
    await _check_free(call, location, name)
    target = Target(f"zones/{location.zone}", "disks", name)
    return await call.start(create, target, spec, holds=(path,) if path else ())


@work("disks.insert", NewDisk)
async def create(op: Op, request: NewDisk) -> None:
    """Create the volume, keep its facts and label it. If a step fails, nothing remains."""
    volume = request.volume
    await op.decide("free", lambda: _check_still_free(op, volume))
    if request.making:
        await op.progress(10, "CloudStack puts the image on a disk.")
        volume_id = await image_disks.make(op, "volume", volume.name, request.making, request.facts)
    else:
        volume_id = await volume_steps.make(op, "volume", volume)
    try:
        await op.target(gce_id(volume_id))
        await op.keep("facts", volume_id, volumes.kind(volume.zone_id), request.facts)
        await tagging.add(op, "labels", volume_steps.RESOURCE, volume_id, labels_to_tags(request.labels))
    except Problem:
        async with undoing(op, f"The disk {volume.name} could not be removed"):
            await volume_steps.delete(op, "undo", volume_id)
            await op.forget("undo-facts", volume_id)
        raise


async def _check_free(call: Call, location: Location, name: str) -> None:
    """409 if the zone has a disk with this name, or one is being created."""
    path = f"zones/{location.zone}/disks/{name}"
    holder, found = await asyncio.gather(
        call.operations.holder(call.owner_id, path),
        volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, name),
    )
    check_free(call.resource(f"zones/{location.zone}/disks"), [name], [name] if holder or found else [])


async def _check_still_free(op: Op, spec: NewVolume) -> bool:
    """409 for a name that another operation took between the checks of the request and our lock on the name."""

    async def disk(uuid: str) -> object:
        return await volumes.search(op.cloudstack, op.sidecar, {"id": uuid, "zoneid": spec.zone_id})

    kind, collection = volumes.kind(spec.zone_id), f"projects/{op.operation.project}/{op.operation.target.scope}/disks"
    await check_still_free(op.sidecar, op.operation.owner, kind, collection, [spec.name], disk)
    return True


def _check_fields(call: Call) -> None:
    body = call.body
    refuse(body, REFUSED, "resource")
    if str(body.get("physicalBlockSizeBytes") or BLOCK_BYTES) != BLOCK_BYTES:
        raise Problem.unsupported("resource.physicalBlockSizeBytes", f"disks here have blocks of {BLOCK_BYTES} bytes.")
    if (body.get("accessMode") or _ACCESS_MODE) != _ACCESS_MODE:
        why = f"CloudStack gives a disk to one instance at a time: send {_ACCESS_MODE}."
        raise Problem.unsupported("resource.accessMode", why)
    for field in STORED:
        if body.get(field):
            call.warn(IGNORED, f"{field} is kept and has no effect: CloudStack knows it only for images.")
    sources = [field for field in ("sourceImage", "sourceSnapshot", "sourceDisk") if body.get(field)]
    if call.params.get("sourceImage") and "sourceImage" not in sources:
        sources.insert(0, "sourceImage")
    if len(sources) > 1:
        raise Problem.invalid("resource", f"send either {sources[0]} or {sources[1]}, not both.")


def _image(call: Call) -> str:
    """The image that the body or the old query parameter names; empty where none is named."""
    in_body, in_query = str(call.body.get("sourceImage") or ""), str(call.params.get("sourceImage") or "")
    if in_body and in_query and in_body != in_query:
        raise Problem.invalid("sourceImage", f"'{in_query}'. The body names another image, '{in_body}'.")
    return in_body or in_query


async def _of_image(call: Call, location: Location, name: str, image: str, disk_types: DiskOfferings) -> NewDisk:
    fields = ("resource.sourceImage", "resource.type", "resource.sizeGb")
    request = ImageDiskRequest(image, _sent_type(call, location), _sent_size(call), fields)
    root = await root_disk(call, location, request, disk_types)
    return NewDisk(
        volume=NewVolume(name, location.id),
        facts=_facts(call, name, root.kind, image=root.fact),
        labels=check_labels(call.body.get("labels")),
        making=await image_disk_spec(call, location, root, fields[0]),
    )


async def _of_source(call: Call, location: Location, name: str, disk_types: DiskOfferings) -> tuple[NewDisk, str]:
    """A disk from a snapshot or another disk, or a blank one; and the path of the source."""
    source, sent = await _source(call, location, name, disk_types), _sent_size(call)
    origin = "snapshot" if source.volume.snapshot_id else "disk"
    check_not_smaller(sent, source.size_gb, origin, "resource.sizeGb")
    kind = _sent_type(call, location) or source.kind or PERSISTENT[0]
    choice = disk_types.plan_disk(kind, sent, location.id, source.size_gb)
    spec = NewDisk(
        volume=replace(source.volume, offering_id=choice.offering_id, size_gb=choice.size_to_send),
        facts=_facts(call, name, choice.kind, source=source.fact),
        labels=check_labels(call.body.get("labels")),
    )
    return spec, source.path


async def _source(call: Call, location: Location, name: str, disk_types: DiskOfferings) -> _Source:
    blank = NewVolume(name, location.id)
    if text := call.body.get("sourceSnapshot"):
        snapshot = await resolve_snapshot(call, text, "resource.sourceSnapshot", location)
        of_data = snapshot.snapshot.volumetype != volumes.ROOT
        volume = replace(blank, snapshot_id=snapshot.uuid, of_data_volume=of_data)
        return _Source(volume, size_gb=snapshot.gigabytes, fact=snapshot.fact, path=snapshot.path)
    if text := call.body.get("sourceDisk"):
        disk = await volumes.resolve_disk(call, location, text, "resource.sourceDisk")
        path, state = f"zones/{location.zone}/disks/{disk.name}", disk.volume.state
        if state not in volume_steps.AT_REST:
            raise Problem.not_ready(call.resource(path))
        copied = replace(blank, copied_id=disk.uuid, of_data_volume=disk.volume.type != volumes.ROOT)
        return _Source(
            blank if state == "Allocated" else copied,
            size_gb=disk.volume.gigabytes,
            kind=type_of(disk, disk_types),
            fact={"field": "sourceDisk", "path": path, "id": gce_id(disk.uuid)},
            path=path,
        )
    return _Source(blank)


def _sent_type(call: Call, location: Location) -> str:
    text = call.body.get("type", "")
    return type_named(text, "diskTypes", "resource.type", location.names, project_names(call)) if text else ""


def _sent_size(call: Call) -> int | None:
    return int(call.body["sizeGb"]) if call.body.get("sizeGb") else None


def _facts(call: Call, name: str, kind: str, **origin: dict[str, str]) -> dict[str, Any]:
    """What the sidecar keeps of the disk; the key of `origin`, `source` or `image`, says what it is created from."""
    return present(
        {
            "name": name,
            "type": kind,
            "description": check_description(call.body),
            "kept": present({field: call.body.get(field) for field in (*STORED, "accessMode")}),
            **origin,
        }
    )
