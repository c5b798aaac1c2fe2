"""disks.insert: blank, of an image, of a snapshot, or as a copy of another disk.

CloudStack makes a volume of a template only together with a machine that boots from it, so a disk of an image is made
by a machine that lives for a moment (instances/makers.py), and the operation warns that the image was booted. A
snapshot and a disk are of one zone in CloudStack, so the new disk is made there. A blank disk without a size gets the
one that Google gives, as far as the disk type goes so far.
"""

import asyncio
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import own_names
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings, disk_offerings
from gstack.resources.inventory.image_disks import ImageDiskRequest, ImageDiskSpec, image_disk_spec, root_disk
from gstack.resources.inventory.snapshots import resolve_snapshot
from gstack.resources.inventory.zones import Location, locations
from gstack.resources.shared.naming import check_description, check_labels, check_name, gce_id, labels_to_tags
from gstack.resources.shared.references import type_named
from gstack.resources.shared.refused import IGNORED, refuse
from gstack.resources.steps import image_disks as makers
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_work
from gstack.resources.steps.volumes import NewVolume
from gstack.resources.storage.disks.reads import kind_of

_KEYS = "CloudStack takes no keys of yours."
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
    "options": "Google keeps it to itself.",
    **dict.fromkeys(
        ("sourceMachineImage", "sourceMachineImageDiskDeviceName", "sourceMachineImageEncryptionKey"),
        "machine images are not served here. Use an image.",
    ),
}
_ACCESS_MODE, _BLOCK_BYTES = "READ_WRITE_SINGLE", "4096"
KEPT = ("architecture", "guestOsFeatures", "licenseCodes", "licenses")


class Wish(msgspec.Struct, frozen=True):
    """The args of the work. `facts` is what the sidecar keeps of the disk, `making` how one of an image is made."""

    volume: NewVolume
    facts: dict[str, Any]
    labels: dict[str, str] = {}
    making: ImageDiskSpec | None = None


class Source(msgspec.Struct, frozen=True):
    """What the disk is made of, all empty for a blank one. `size_gb` is the least; `kind` the type where none is sent.

    `blank`: the disk to be copied was never on storage, so its copy is blank too.
    """

    snapshot_id: str = ""
    volume_id: str = ""
    size_gb: int = 0
    kind: str = ""
    blank: bool = False
    fact: dict[str, str] = {}
    hold: tuple[str, ...] = ()


@serves("compute.disks.insert")
async def insert(call: Call) -> dict[str, Any]:
    known = await locations(call.cloudstack, call.settings.names)
    location = known.zone(call.project, call.params["zone"])
    name = check_name("resource.name", call.body.get("name"))
    _refuse_unserved(call)
    offerings = await disk_offerings(call.cloudstack, call.settings.names)
    image = _image(call)
    if image:
        return await _insert_of_image(call, location, name, image, offerings)
    source = await _source(call, location, offerings)
    kind, volume = _volume(call, location, name, source, offerings)
    await _check_free(call, location, name)
    wish = Wish(volume, _facts(call, name, kind, source=source.fact), check_labels(call.body.get("labels")))
    return await _start(call, location, wish, source.hold)


async def _insert_of_image(
    call: Call, location: Location, name: str, image: str, offerings: DiskOfferings
) -> dict[str, Any]:
    kind, size = _asked_type(call, location), _sent_size(call)
    asked = ImageDiskRequest(image, kind, size, ("resource.sourceImage", "resource.type", "resource.sizeGb"))
    root = await root_disk(call, location, asked, offerings)
    made = await image_disk_spec(call, location, root, asked.fields[0])
    await _check_free(call, location, name)
    facts, labels = _facts(call, name, root.kind, image=root.fact), check_labels(call.body.get("labels"))
    return await _start(call, location, Wish(NewVolume(name, location.id), facts, labels, made))


async def _start(call: Call, location: Location, wish: Wish, holds: tuple[str, ...] = ()) -> dict[str, Any]:
    target = Target(f"zones/{location.zone}", "disks", wish.volume.name)
    return await call.start(make, target, msgspec.to_builtins(wish), holds=holds)


def _facts(call: Call, name: str, kind: str, **source: dict[str, str]) -> dict[str, Any]:
    """What the sidecar keeps of the disk; `source` or `image` is what it is made of."""
    facts = {
        "name": name,
        "type": kind,
        "description": check_description(call.body) or None,
        "kept": {field: call.body[field] for field in KEPT if call.body.get(field)} or None,
        **{field: fact or None for field, fact in source.items()},
    }
    return {field: value for field, value in facts.items() if value is not None}


@work("disks.insert")
async def make(op: Op) -> None:
    """Make the volume, write down and tag what it is; or leave nothing."""
    wish = msgspec.convert(op.args, Wish)
    await op.decide("free", lambda: _still_free(op, wish.volume))
    volume_id = await _made(op, wish)
    try:
        await op.target(gce_id(volume_id))
        await volume_work.keep(op, "facts", volume_id, wish.volume.zone_id, wish.facts)
        await tagging.add(op, "labels", volume_work.RESOURCE, volume_id, labels_to_tags(wish.labels))
    except Problem:
        await _take_back(op, wish, volume_id)
        raise


async def _still_free(op: Op, wish: NewVolume) -> bool:
    """409 for a name that another operation took between the request's checks and our hold: it is written down."""
    uuid = await op.sidecar.named(op.operation.owner, volumes.kind(wish.zone_id), wish.name)
    if uuid and await volumes.search(op.cloudstack, op.sidecar, {"id": uuid, "zoneid": wish.zone_id}):
        raise Problem.already_exists(f"projects/{op.operation.project}/{op.operation.target.path}")
    return True


async def _made(op: Op, wish: Wish) -> str:
    if wish.making:
        await op.progress(10, "CloudStack puts the image on a disk.")
        return await makers.make(op, "volume", wish.volume.name, wish.making, wish.facts)
    return await volume_work.make(op, "volume", wish.volume)


async def _take_back(op: Op, wish: Wish, volume_id: str) -> None:
    try:
        await volume_work.delete(op, "undo", volume_id)
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"The disk {wish.volume.name} could not be removed: {problem.message}")
    else:
        await op.forget("undo-facts", volume_id)


def _refuse_unserved(call: Call) -> None:
    body = call.body
    refuse(body, REFUSED, "resource")
    if str(body.get("physicalBlockSizeBytes") or _BLOCK_BYTES) != _BLOCK_BYTES:
        raise Problem.unsupported("resource.physicalBlockSizeBytes", f"disks here have blocks of {_BLOCK_BYTES} bytes.")
    if body.get("accessMode", _ACCESS_MODE) != _ACCESS_MODE:
        why = f"CloudStack gives a disk to one instance at a time: send {_ACCESS_MODE}."
        raise Problem.unsupported("resource.accessMode", why)
    for field in KEPT:
        if body.get(field):
            call.warn(IGNORED, f"{field} is kept and has no effect: CloudStack knows it of images alone.")


def _image(call: Call) -> str:
    """The image that the body names, or the old query parameter; empty where none is."""
    body, told, old = call.body, str(call.body.get("sourceImage") or ""), str(call.params.get("sourceImage") or "")
    if told and old and told != old:
        raise Problem.invalid("sourceImage", f"'{old}'. The body names another image, '{told}'.")
    sources = [field for field in ("sourceSnapshot", "sourceDisk") if body.get(field)]
    if sources and (told or old):
        raise Problem.invalid("resource", f"sourceImage and {sources[0]} exclude each other.")
    return told or old


def _sent_size(call: Call) -> int | None:
    return int(call.body["sizeGb"]) if call.body.get("sizeGb") else None


async def _source(call: Call, location: Location, offerings: DiskOfferings) -> Source:
    snapshot, disk = call.body.get("sourceSnapshot"), call.body.get("sourceDisk")
    if snapshot and disk:
        raise Problem.invalid("resource", "sourceSnapshot and sourceDisk exclude each other.")
    if snapshot:
        found = await resolve_snapshot(call, snapshot, "resource.sourceSnapshot", location)
        return Source(snapshot_id=found.uuid, size_gb=found.gigabytes, fact=found.fact, hold=(found.path,))
    return await _of_disk(call, location, disk, offerings) if disk else Source()


async def _of_disk(call: Call, location: Location, text: str, offerings: DiskOfferings) -> Source:
    found = await volumes.resolve_disk(call, location, text, "resource.sourceDisk")
    volume, path = found.volume, f"zones/{location.zone}/disks/{found.name}"
    if volume.state not in {"Ready", "Allocated"}:
        raise Problem.not_ready(call.resource(path))
    return Source(
        volume_id=volume.id,
        size_gb=volume.gigabytes,
        kind=kind_of(volume, found.facts.get(volume.id, {}), offerings),
        blank=volume.state == "Allocated",
        fact={"field": "sourceDisk", "path": path, "id": gce_id(volume.id)},
        hold=(path,),
    )


def _volume(
    call: Call, location: Location, name: str, source: Source, offerings: DiskOfferings
) -> tuple[str, NewVolume]:
    """The name of the new disk's type, and what CloudStack is to make."""
    sent = _sent_size(call)
    asked = _asked_type(call, location) or source.kind or PERSISTENT[0]
    if sent is not None and sent < source.size_gb:
        origin = "snapshot" if source.snapshot_id else "disk"
        why = f"Requested disk size cannot be smaller than the {origin} size ({source.size_gb} GB)."
        raise Problem.invalid("resource.sizeGb", f"'{sent}'. {why}")
    choice = offerings.plan_disk(asked, sent, location.id, source.size_gb)
    volume = NewVolume(
        name=name,
        zone_id=location.id,
        offering_id=choice.offering_id,
        size_gb=choice.size_to_send,
        snapshot_id=source.snapshot_id,
        copied_id="" if source.blank else source.volume_id,
    )
    return choice.kind, volume


def _asked_type(call: Call, location: Location) -> str:
    text = call.body.get("type", "")
    return type_named(text, "diskTypes", "resource.type", location.names, own_names(call)) if text else ""


async def _check_free(call: Call, location: Location, name: str) -> None:
    """409 where the zone has a disk of the name, or is getting one."""
    path = f"zones/{location.zone}/disks/{name}"
    held, found = await asyncio.gather(
        call.operations.holder(call.owner_id, path),
        volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, name),
    )
    if held or found:
        raise Problem.already_exists(call.resource(path))
