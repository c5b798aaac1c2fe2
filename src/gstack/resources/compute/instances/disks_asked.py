"""The disks of a new instance: each `disks[n]` of the body, checked and found. Sends nothing that changes.

The first is the boot disk: made of an image by CloudStack with the machine, of a snapshot, or one that exists. The
others are blank, of an image (by a machine of their own, makers.py), of a snapshot, or exist.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.boot_templates import snapshots_template, template_of
from gstack.resources.compute.instances.plan import DiskPlan
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import own_names
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings, disk_offerings
from gstack.resources.inventory.image_disks import ImageDiskRequest, image_disk_spec, root_disk
from gstack.resources.inventory.snapshots import VolumeSnapshot, resolve_snapshot
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused as policy
from gstack.resources.shared.naming import check_labels, check_name
from gstack.resources.shared.references import parse_reference, type_named

_DEVICE = re.compile(r"\w[\w.-]{0,254}", re.ASCII)  # Google's pattern, of setDiskAutoDelete's deviceName
MOST_DISKS = 16  # CloudStack's highest device numbers differ by hypervisor; all take this many


async def disks_asked(call: Call, location: Location, instance: str) -> tuple[str, DiskPlan, tuple[DiskPlan, ...]]:
    """Return the uuid of the template to deploy, the boot disk and the other disks of the body."""
    given = call.body.get("disks") or []
    _check_order(given)
    known = await _known(call, location, given)
    template_id, boot = await _boot(call, location, instance, given[0], known)
    others = [await _data(call, location, instance, index, disk, known) for index, disk in enumerate(given) if index]
    _check_distinct([boot, *others])
    return template_id, boot, tuple(others)


class _Known(msgspec.Struct, frozen=True):
    """What is read once for all disks: the types, and the disks that exist by the field that names them."""

    offerings: DiskOfferings
    disks: Mapping[str, volumes.FoundDisk]


async def _known(call: Call, location: Location, given: Sequence[Mapping[str, Any]]) -> _Known:
    sources = {
        f"resource.disks[{index}].source": disk["source"] for index, disk in enumerate(given) if disk.get("source")
    }
    return _Known(
        offerings=await disk_offerings(call.cloudstack, call.settings.names),
        disks=await volumes.resolve_disks(call, location, sources),
    )


def _check_order(given: Sequence[Mapping[str, Any]]) -> None:
    if not given:
        raise Problem.invalid("resource.disks", "''. A boot disk must be specified.")
    if len(given) > MOST_DISKS:
        raise Problem.invalid("resource.disks", f"an instance has at most {MOST_DISKS} disks here.")
    for index, disk in enumerate(given):
        if bool(disk.get("boot")) is not (index == 0):
            raise Problem.invalid(
                f"resource.disks[{index}].boot", "the first disk, and no other, must be the boot disk."
            )
        if disk.get("source") and disk.get("initializeParams"):
            raise Problem.invalid(f"resource.disks[{index}]", "source and initializeParams exclude each other.")


def _check_distinct(disks: Sequence[DiskPlan]) -> None:
    for what, values in (("name", [disk.name for disk in disks]), ("deviceName", [disk.device_name for disk in disks])):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise Problem.invalid("resource.disks", f"two disks have the {what} '{twice}'.")


async def _boot(
    call: Call, location: Location, instance: str, disk: Mapping[str, Any], known: _Known
) -> tuple[str, DiskPlan]:
    field = "resource.disks[0]"
    asked = _initialize(call, location, disk, field)
    plan = _made(disk, asked, field, instance, index=0)
    if disk.get("source"):
        plan, volume = _existing(call, location, disk, plan, known)
        return await template_of(call, location, volume, f"{field}.source"), plan
    if asked.get("sourceSnapshot"):
        return await _boot_of_snapshot(call, location, disk, plan, known)
    if not asked.get("sourceImage"):
        raise Problem.required(f"{field}.initializeParams.sourceImage")
    root = await root_disk(call, location, _of_image(disk, field), known.offerings)
    changes = {"kind": root.kind, "offering_id": root.offering_id, "size_gb": root.size_gb, "image": root.fact}
    return root.image.id, replace(plan, **changes)


def _of_image(disk: Mapping[str, Any], field: str) -> ImageDiskRequest:
    asked, inside = disk["initializeParams"], f"{field}.initializeParams"
    fields = (f"{inside}.sourceImage", f"{inside}.diskType", f"{inside}.diskSizeGb")
    return ImageDiskRequest(asked["sourceImage"], asked.get("diskType", ""), _size(disk, asked), fields)


async def _boot_of_snapshot(
    call: Call, location: Location, disk: Mapping[str, Any], plan: DiskPlan, known: _Known
) -> tuple[str, DiskPlan]:
    made, snapshot = await _of_snapshot(call, location, disk, plan, known)
    field = f"{plan.field}.initializeParams.sourceSnapshot"
    return await snapshots_template(call, location, snapshot, field), made


async def _of_snapshot(
    call: Call, location: Location, disk: Mapping[str, Any], plan: DiskPlan, known: _Known
) -> tuple[DiskPlan, VolumeSnapshot]:
    """A disk that is to be made of a snapshot, and the snapshot."""
    asked, field = disk["initializeParams"], f"{plan.field}.initializeParams"
    if asked.get("sourceImage"):
        raise Problem.invalid(field, "sourceImage and sourceSnapshot exclude each other.")
    source = await resolve_snapshot(call, asked["sourceSnapshot"], f"{field}.sourceSnapshot", location)
    size = _size(disk, asked)
    if size is not None and size < source.gigabytes:
        why = f"'{size}'. Requested disk size cannot be smaller than the snapshot size ({source.gigabytes} GB)."
        raise Problem.invalid(f"{field}.diskSizeGb", why)
    kind, offering, size = _sized(location, plan, asked, size, known, source.gigabytes)
    taken = {"snapshot_id": source.uuid, "source": source.fact}
    return replace(plan, kind=kind, offering_id=offering, size_gb=size, **taken), source.snapshot


def _sized(
    location: Location,
    plan: DiskPlan,
    asked: Mapping[str, Any],
    size: int | None,
    known: _Known,
    least: int = 0,
) -> tuple[str, str, int | None]:
    """The type's name, its offering and the size to ask for."""
    fields = (f"{plan.field}.initializeParams.diskType", f"{plan.field}.initializeParams.diskSizeGb")
    kind = parse_reference(asked.get("diskType", "")).name or PERSISTENT[0]
    choice = known.offerings.plan_disk(kind, size, location.id, least, fields)
    return choice.kind, choice.offering_id, choice.size_to_send


async def _data(
    call: Call, location: Location, instance: str, index: int, disk: Mapping[str, Any], known: _Known
) -> DiskPlan:
    field = f"resource.disks[{index}]"
    asked = _initialize(call, location, disk, field)
    plan = _made(disk, asked, field, instance, index)
    if disk.get("source"):
        return _existing(call, location, disk, plan, known)[0]
    if asked.get("sourceSnapshot"):
        return (await _of_snapshot(call, location, disk, plan, known))[0]
    if asked.get("sourceImage"):
        return await _data_of_image(call, location, disk, plan, known)
    kind, offering, size = _sized(location, plan, asked, _size(disk, asked), known)
    return replace(plan, kind=kind, offering_id=offering, size_gb=size)


async def _data_of_image(
    call: Call, location: Location, disk: Mapping[str, Any], plan: DiskPlan, known: _Known
) -> DiskPlan:
    asked = _of_image(disk, plan.field)
    root = await root_disk(call, location, asked, known.offerings)
    made = await image_disk_spec(call, location, root, asked.fields[0])
    return replace(plan, kind=root.kind, image=root.fact, making=made)


def _existing(
    call: Call, location: Location, disk: Mapping[str, Any], plan: DiskPlan, known: _Known
) -> tuple[DiskPlan, volumes.Volume]:
    found = known.disks[f"{plan.field}.source"]
    volumes.check_unused(call, found, location)
    check_size_kept(disk, found.volume, plan.field)
    return replace(plan, name=found.name, volume_id=found.volume.id), found.volume


def check_size_kept(disk: Mapping[str, Any], volume: volumes.Volume, field: str) -> None:
    """400 where a disk that exists is asked for in another size: attaching changes none."""
    if disk.get("diskSizeGb") and int(disk["diskSizeGb"]) != volume.gigabytes:
        text = f"'{disk['diskSizeGb']}'. The disk has {volume.gigabytes} GB: grow it with disks.resize."
        raise Problem.invalid(f"{field}.diskSizeGb", text)


def _initialize(call: Call, location: Location, disk: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    policy.refuse(disk, policy.DISK, field)
    asked: Mapping[str, Any] = disk.get("initializeParams") or {}
    policy.refuse(asked, policy.INITIALIZE, f"{field}.initializeParams")
    if kind := asked.get("diskType"):
        type_named(kind, "diskTypes", f"{field}.initializeParams.diskType", location.names, own_names(call))
    return asked


def _made(disk: Mapping[str, Any], asked: Mapping[str, Any], field: str, instance: str, index: int) -> DiskPlan:
    name = asked.get("diskName") or (instance if index == 0 else f"{instance[:60]}-{index}")
    device = disk.get("deviceName") or f"persistent-disk-{index}"
    return DiskPlan(
        name=check_name(f"{field}.initializeParams.diskName", name),
        device_name=checked_device(device, f"{field}.deviceName"),
        auto_delete=bool(disk.get("autoDelete", False)),
        field=field,
        description=asked.get("description", ""),
        labels=check_labels(asked.get("labels"), f"{field}.initializeParams.labels"),
    )


def checked_device(name: str, field: str) -> str:
    """A device name that Google would take; 400 for another."""
    if not _DEVICE.fullmatch(name):
        raise Problem.invalid(field, f"'{name}'. Must be a match of regex '{_DEVICE.pattern}'")
    return name


def _size(disk: Mapping[str, Any], asked: Mapping[str, Any]) -> int | None:
    sent = asked.get("diskSizeGb") or disk.get("diskSizeGb")
    return int(sent) if sent else None
