"""The disks of a new instance: each `disks[n]` of the request, checked and found. Changes nothing.

The first is the boot disk. It comes from an image (CloudStack makes it with the machine), comes from a snapshot, or
already exists. The others are blank, come from an image (with a temporary machine: steps/image_disks.py), come from a
snapshot, or already exist.

CloudStack deploys machines from templates. Its parameters `volumeid` and `snapshotid` (4.21 and later) work only on KVM
with zone-wide storage. So a machine that boots from an existing disk or a snapshot is deployed stopped, from the
template that the disk came from. Then the disk replaces the one that came with the machine. The template also says
what hardware the system on the disk expects. If the template is gone, another one with the same operating system will
do. If there is none, the user must make an image from the disk first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.disks import check_count, check_size
from gstack.resources.compute.instances.spec import DiskSpec
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import project_names
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings, check_not_smaller, disk_offerings
from gstack.resources.inventory.image_disks import ImageDiskRequest, RootDisk, image_disk_spec, root_disk
from gstack.resources.inventory.os_types import os_types
from gstack.resources.inventory.snapshots import VolumeSnapshot, resolve_snapshot
from gstack.resources.inventory.templates import Catalog, catalog
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import check_device_name, check_disks, check_distinct
from gstack.resources.shared.naming import check_labels, check_name
from gstack.resources.shared.references import parse_reference, type_named

_FIELD = "resource.disks"
_NO_TEMPLATE = (
    "CloudStack deploys machines only from images, and the image that this came from no longer exists. Make a new "
    "image from it (images.insert), and start from that image."
)
_NO_SYSTEM = "it has no operating system, because it was not made from an image. Use one that was."


class _Request(msgspec.Struct, frozen=True):
    """One `disks[n]`. `spec` has the part of the disk that does not depend on its source."""

    disk: Mapping[str, Any]
    field: str
    spec: DiskSpec

    @property
    def initialize(self) -> Mapping[str, Any]:
        """Its `initializeParams`."""
        return self.disk.get("initializeParams") or {}

    def initialize_field(self, name: str) -> str:
        """Where a field of `initializeParams` stands in the request."""
        return f"{self.field}.initializeParams.{name}"

    @property
    def size_gb(self) -> int | None:
        """The size that was sent, in GB."""
        sent = self.initialize.get("diskSizeGb") or self.disk.get("diskSizeGb")
        return int(sent) if sent else None


async def disk_specs(
    call: Call, location: Location, disks: Sequence[Mapping[str, Any]], instance: str
) -> tuple[str, DiskSpec, tuple[DiskSpec, ...]]:
    """Return the uuid of the template to deploy, the boot disk and the other disks."""
    check_disks(disks, _FIELD)
    check_count(len(disks), _FIELD)
    sources = {f"{_FIELD}[{index}].source": disk["source"] for index, disk in enumerate(disks) if disk.get("source")}
    offerings = await disk_offerings(call.cloudstack, call.settings.names)
    existing = await volumes.resolve_disks(call, location, sources)
    template_id, specs = "", list[DiskSpec]()
    for index, disk in enumerate(disks):
        request = _request(call, location, disk, index, instance)
        if index == 0:
            template_id, spec = await _boot_disk(call, location, request, offerings, existing)
        else:
            spec = await _data_disk(call, location, request, offerings, existing)
        specs.append(spec)
    check_distinct([spec.name for spec in specs], "name", _FIELD)
    check_distinct([spec.device_name for spec in specs], "deviceName", _FIELD)
    return template_id, specs[0], tuple(specs[1:])


def _request(call: Call, location: Location, disk: Mapping[str, Any], index: int, instance: str) -> _Request:
    field = f"{_FIELD}[{index}]"
    refused.refuse(disk, refused.DISK, field)
    initialize: Mapping[str, Any] = disk.get("initializeParams") or {}
    refused.refuse(initialize, refused.INITIALIZE, f"{field}.initializeParams")
    if kind := initialize.get("diskType"):
        type_named(kind, "diskTypes", f"{field}.initializeParams.diskType", location.names, project_names(call))
    name = initialize.get("diskName") or (instance if index == 0 else f"{instance[:60]}-{index}")
    spec = DiskSpec(
        name=check_name(f"{field}.initializeParams.diskName", name),
        device_name=check_device_name(disk.get("deviceName") or f"persistent-disk-{index}", f"{field}.deviceName"),
        auto_delete=bool(disk.get("autoDelete", False)),
        description=initialize.get("description", ""),
        labels=check_labels(initialize.get("labels"), f"{field}.initializeParams.labels"),
    )
    return _Request(disk, field, spec)


async def _boot_disk(
    call: Call,
    location: Location,
    request: _Request,
    offerings: DiskOfferings,
    existing: Mapping[str, volumes.FoundDisk],
) -> tuple[str, DiskSpec]:
    """The boot disk, and the template to deploy."""
    if request.disk.get("source"):
        field = f"{request.field}.source"
        volume, spec = existing[field].volume, _existing_disk(call, location, request, existing)
        return await _template_of(call, location, volume, field), spec
    if request.initialize.get("sourceSnapshot"):
        spec, snapshot = await _disk_of_snapshot(call, location, request, offerings)
        field = request.initialize_field("sourceSnapshot")
        return await _template_of_snapshot(call, location, snapshot, field), spec
    if not request.initialize.get("sourceImage"):
        raise Problem.required(request.initialize_field("sourceImage"))
    root = await _root_disk(call, location, request, offerings)
    spec = replace(request.spec, kind=root.kind, offering_id=root.offering_id, size_gb=root.size_gb, image=root.fact)
    return root.image.id, spec


async def _data_disk(
    call: Call,
    location: Location,
    request: _Request,
    offerings: DiskOfferings,
    existing: Mapping[str, volumes.FoundDisk],
) -> DiskSpec:
    if request.disk.get("source"):
        return _existing_disk(call, location, request, existing)
    if request.initialize.get("sourceSnapshot"):
        return (await _disk_of_snapshot(call, location, request, offerings))[0]
    if request.initialize.get("sourceImage"):
        root = await _root_disk(call, location, request, offerings)
        image_disk = await image_disk_spec(call, location, root, request.initialize_field("sourceImage"))
        return replace(request.spec, kind=root.kind, image=root.fact, image_disk=image_disk)
    return _new_disk(location, request, offerings)


def _existing_disk(
    call: Call, location: Location, request: _Request, existing: Mapping[str, volumes.FoundDisk]
) -> DiskSpec:
    found = existing[f"{request.field}.source"]
    volumes.check_unused(call, found, location)
    check_size(request.disk.get("diskSizeGb"), found.volume, request.field)
    return replace(request.spec, name=found.name, volume_id=found.volume.id)


async def _disk_of_snapshot(
    call: Call, location: Location, request: _Request, offerings: DiskOfferings
) -> tuple[DiskSpec, VolumeSnapshot]:
    if request.initialize.get("sourceImage"):
        field = f"{request.field}.initializeParams"
        raise Problem.invalid(field, "send either sourceImage or sourceSnapshot, not both.")
    field = request.initialize_field("sourceSnapshot")
    source = await resolve_snapshot(call, request.initialize["sourceSnapshot"], field, location)
    check_not_smaller(request.size_gb, source.gigabytes, "snapshot", request.initialize_field("diskSizeGb"))
    spec = replace(
        _new_disk(location, request, offerings, source.gigabytes),
        snapshot_id=source.uuid,
        of_data_volume=source.snapshot.volumetype != volumes.ROOT,
        source=source.fact,
    )
    return spec, source.snapshot


def _new_disk(location: Location, request: _Request, offerings: DiskOfferings, least: int = 0) -> DiskSpec:
    """The disk with its type, offering and size; `least` is the size of its source in GB."""
    fields = (request.initialize_field("diskType"), request.initialize_field("diskSizeGb"))
    kind = parse_reference(request.initialize.get("diskType", "")).name or PERSISTENT[0]
    choice = offerings.plan_disk(kind, request.size_gb, location.id, least, fields)
    return replace(request.spec, kind=choice.kind, offering_id=choice.offering_id, size_gb=choice.size_to_send)


async def _root_disk(call: Call, location: Location, request: _Request, offerings: DiskOfferings) -> RootDisk:
    field = request.initialize_field
    fields = (field("sourceImage"), field("diskType"), field("diskSizeGb"))
    image, kind = request.initialize["sourceImage"], request.initialize.get("diskType", "")
    return await root_disk(call, location, ImageDiskRequest(image, kind, request.size_gb, fields), offerings)


async def _template_of(call: Call, location: Location, volume: Volume, field: str) -> str:
    """The uuid of the template for a machine that boots from this volume; 400 if there is none."""
    if not volume.templateid:
        raise Problem.unsupported(field, _NO_SYSTEM)
    if not _is_ready(await catalog(call.cloudstack, call.project), location, volume.templateid):
        raise Problem.unsupported(field, _NO_TEMPLATE)
    return volume.templateid


async def _template_of_snapshot(call: Call, location: Location, snapshot: VolumeSnapshot, field: str) -> str:
    """The uuid of the template for a machine that boots from a disk of this snapshot; 400 if there is none."""
    source = list[Volume]()
    if snapshot.volumeid:
        source = await call.cloudstack.list_all("listVolumes", Volume, {"id": snapshot.volumeid})
    template_id = source[0].templateid if source else ""
    if not template_id and not snapshot.ostypeid:
        raise Problem.unsupported(field, _NO_SYSTEM if source else _NO_TEMPLATE)
    images = await catalog(call.cloudstack, call.project)
    if template_id and _is_ready(images, location, template_id):
        return template_id
    types = await os_types(call.cloudstack) if snapshot.ostypeid else []
    name = next((one.description for one in types if one.id == snapshot.ostypeid), "")
    similar = [image.id for image in images.all if name and image.os_type == name and location.id in image.zones]
    if not similar:
        raise Problem.unsupported(field, _NO_TEMPLATE)
    return similar[0]


def _is_ready(images: Catalog, location: Location, template_id: str) -> bool:
    image = images.by_id.get(template_id)
    return bool(image and location.id in image.zones)
