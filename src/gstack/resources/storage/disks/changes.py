"""disks.delete, resize, setLabels and update.

A disk that no instance uses is deleted at once; its snapshots and images stay. As on GCE, a disk can grow, attached or
not, but never shrink. A disk whose type has a fixed size cannot grow, since CloudStack would move it to another
offering. A boot disk has no disk offering and grows freely. `update` changes only labels, description and size.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.operations.recipes import undoing
from gstack.resources.inventory import volumes
from gstack.resources.inventory.disk_offerings import disk_offerings
from gstack.resources.inventory.disks import type_of
from gstack.resources.inventory.volumes import FoundDisk, check_unused
from gstack.resources.inventory.zones import locations_of
from gstack.resources.shared.naming import check_description, check_label_fingerprint, check_labels, tags_to_labels
from gstack.resources.shared.references import agrees
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_steps
from gstack.resources.storage.disks.reads import find_disk, render, target_of

_CHANGEABLE = ("description", "labels", "sizeGb")


class OneDisk(msgspec.Struct, frozen=True):
    """The request of disks.delete."""

    volume_id: str


class NewSize(msgspec.Struct, frozen=True):
    """The request of disks.resize. The size is in GB."""

    volume_id: str
    size_gb: int


class NewLabels(msgspec.Struct, frozen=True):
    """The request of disks.setLabels. `fingerprint` is the one that the client sent."""

    volume_id: str
    labels: dict[str, str]
    fingerprint: str = ""


class DiskUpdate(msgspec.Struct, frozen=True):
    """The request of disks.update. A field that is None or 0 does not change; the size is in GB."""

    volume_id: str
    zone_id: str
    size_gb: int = 0
    labels: dict[str, str] | None = None
    fingerprint: str = ""
    description: str | None = None


@serves("compute.disks.delete")
async def delete(call: Call) -> dict[str, Any]:
    disk, location = await find_disk(call, call.params["disk"])
    check_unused(call, disk, location)
    return await call.start(remove, target_of(disk, location), OneDisk(disk.uuid))


@work("disks.delete", OneDisk)
async def remove(op: Op, request: OneDisk) -> None:
    """Delete the volume and its facts."""
    await volume_steps.delete(op, "delete", request.volume_id)
    await op.forget("forget", request.volume_id)


@serves("compute.disks.resize")
async def resize(call: Call) -> dict[str, Any]:
    disk, location = await find_disk(call, call.params["disk"])
    size_gb = await _new_size(call, disk, call.body.get("sizeGb"), "sizeGb")
    if disk.volume.state not in volume_steps.AT_REST:
        raise Problem.not_ready(call.resource(f"zones/{location.zone}/disks/{disk.name}"))
    return await call.start(enlarge, target_of(disk, location), NewSize(disk.uuid, size_gb))


async def _new_size(call: Call, disk: FoundDisk, sent: object, field: str) -> int:
    """The size in GB that the client sent; 400 if the disk cannot have it."""
    if not sent:
        raise Problem.required(field)
    volume, size_gb = disk.volume, int(str(sent))
    if size_gb <= volume.gigabytes:
        why = f"New disk size '{size_gb}' must be larger than existing size '{volume.gigabytes}'."
        raise Problem.invalid(field, f"'{size_gb}'. {why}")
    if volume.diskofferingid:
        disk_types = await disk_offerings(call.cloudstack, call.settings.names)
        disk_types.choose(type_of(disk, disk_types), size_gb, volume.zoneid, ("type", field))
    return size_gb


@work("disks.resize", NewSize)
async def enlarge(op: Op, request: NewSize) -> None:
    """Resize the volume."""
    await volume_steps.resize(op, "resize", request.volume_id, request.size_gb)


@serves("compute.disks.setLabels")
async def set_labels(call: Call) -> dict[str, Any]:
    disk, location = await find_disk(call, call.params["resource"])
    labels, sent = _labels(disk, call.body, "labels")
    return await call.start(relabel, target_of(disk, location), NewLabels(disk.uuid, labels, sent))


@work("disks.setLabels", NewLabels)
async def relabel(op: Op, request: NewLabels) -> None:
    """Replace the labels."""
    volume_id, labels, sent = request.volume_id, request.labels, request.fingerprint
    await tagging.change(op, "labels", volume_steps.RESOURCE, volume_id, labels=labels, sent=sent)


@serves("compute.disks.update")
async def update(call: Call) -> dict[str, Any]:
    disk, location = await find_disk(call, call.params["disk"])
    wanted = await _changed_fields(call, disk)
    labels, sent = _labels(disk, call.body, "resource.labels") if "labels" in wanted else (None, "")
    request = DiskUpdate(
        volume_id=disk.uuid,
        zone_id=location.id,
        size_gb=await _new_size(call, disk, wanted["sizeGb"], "resource.sizeGb") if "sizeGb" in wanted else 0,
        labels=labels,
        fingerprint=sent,
        description=check_description(wanted) if "description" in wanted else None,
    )
    return await call.start(change, target_of(disk, location), request)


@work("disks.update", DiskUpdate)
async def change(op: Op, request: DiskUpdate) -> None:
    """Change the labels, then the size, which cannot go back, then the description.

    If the size cannot change, the labels go back.
    """
    volume_id, labels = request.volume_id, request.labels
    before = await op.decide("labels-before", lambda: tagging.tags_of(op, volume_steps.RESOURCE, volume_id))
    if labels is not None:
        sent = request.fingerprint
        await tagging.change(op, "labels", volume_steps.RESOURCE, volume_id, labels=labels, sent=sent)
    if request.size_gb:
        try:
            await volume_steps.resize(op, "resize", volume_id, request.size_gb)
        except Problem:
            if labels is not None:
                async with undoing(op, "The labels could not be changed back"):
                    old = tags_to_labels(before)
                    await tagging.change(op, "labels-undo", volume_steps.RESOURCE, volume_id, labels=old)
            raise
    if request.description is not None:
        facts = {"description": request.description or None}
        await op.keep("description", volume_id, volumes.kind(request.zone_id), facts)


async def _changed_fields(call: Call, disk: FoundDisk) -> dict[str, Any]:
    """The fields of the body that count and differ from what the disk shows; 400 if one of them cannot change.

    Clients send back what they read, so a field with the value of the disk is no change.
    """
    everywhere = await locations_of(call)
    shown = (await render(call, everywhere, [disk]))[0]
    sent = {name: call.body.get(name) for name in _field_names(call)}
    differing = {name: value for name, value in sent.items() if not _same(name, value, shown)}
    for name in sorted(differing.keys() - {*_CHANGEABLE}):
        why = f"a disk can change only {', '.join(_CHANGEABLE)}."
        raise Problem.unsupported(f"resource.{name}", why)
    return differing


def _field_names(call: Call) -> Iterator[str]:
    """The fields that `paths` and `updateMask` name, in either spelling (`size_gb`, `sizeGb`); else the body's own."""
    mask = [*call.params.get("paths", []), *str(call.params.get("updateMask", "")).split(",")]
    named = []
    for path in mask:
        first, *rest = path.strip().split(".")[0].split("_")
        named.append(first + "".join(word.capitalize() for word in rest))
    named = [name for name in named if name]
    yield from named or (name for name in call.body if name not in {"labelFingerprint", "kind"})


def _same(name: str, value: Any, shown: Mapping[str, Any]) -> bool:
    if name in {"labels", "description"}:
        return (value or "") == (shown.get(name) or "")
    if isinstance(value, str) and "/" in value:
        return agrees(value, str(shown.get(name, "")))
    return value in (None, "", [], {}) or str(value) == str(shown.get(name))


def _labels(disk: FoundDisk, body: Mapping[str, Any], field: str) -> tuple[dict[str, str], str]:
    """The labels in the body and the fingerprint sent with them; 412 if it is not the present one."""
    labels, sent = check_labels(body.get("labels"), field), str(body.get("labelFingerprint") or "")
    check_label_fingerprint(sent, tags_to_labels(disk.volume.tags))
    return labels, sent
