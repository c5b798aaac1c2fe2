"""images.insert: from a disk, a snapshot, another image or a file at a URL.

Google's images are global: a new one goes to every zone, or to the regions that `storageLocations` names. The
description is the template's display text; the family and the labels are tags. CloudStack accepts plain disk files
(`registerTemplate`), not Google's `disk.raw` in a tar archive. To copy an image, a machine briefly boots it
(steps/templates.py), and the operation warns of this.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.operations.recipes import removing_new
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import project_of
from gstack.resources.inventory.image_disks import RootDisk, blank_disk_spec, image_disk_spec
from gstack.resources.inventory.machines import OWN
from gstack.resources.inventory.names import check_free
from gstack.resources.inventory.os_types import choose_os_type, os_types
from gstack.resources.inventory.snapshots import resolve_snapshot
from gstack.resources.inventory.templates import KIND, Catalog, Template, resolve_image
from gstack.resources.inventory.zones import Location, Locations, locations_of
from gstack.resources.shared.naming import check_description, check_labels, check_name, gce_id, labels_to_tags
from gstack.resources.shared.present import present
from gstack.resources.shared.references import parse_reference
from gstack.resources.shared.refused import IGNORED, refuse
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import templates as template_steps
from gstack.resources.steps import volumes as volume_steps
from gstack.resources.steps.templates import RESOURCE, NewTemplate
from gstack.resources.storage.images.reads import ARCHITECTURES, check_family, images_of, not_yours

_KEYS = "CloudStack does not accept encryption keys."
REFUSED = {
    "imageEncryptionKey": _KEYS,
    "sourceDiskEncryptionKey": _KEYS,
    "sourceImageEncryptionKey": _KEYS,
    "sourceSnapshotEncryptionKey": _KEYS,
    "shieldedInstanceInitialState": "CloudStack keeps no keys for Secure Boot.",
    "enableConfidentialCompute": "CloudStack offers no confidential disks.",
    "licenseCodes": "licences are not kept by number here. Send licenses.",
    "params": "resource manager tags are not served here.",
    "deprecated": "a new image is active. Deprecate it afterwards.",
}
SOURCES = ("sourceDisk", "sourceSnapshot", "sourceImage", "rawDisk")
FORMATS = {  # endings of files -> CloudStack's formats
    "qcow2": "QCOW2",
    "img": "QCOW2",  # what the distributions call their cloud images
    "vhd": "VHD",
    "vhdx": "VHDX",
    "ova": "OVA",
    "raw": "RAW",
    "vmdk": "VMDK",
}
_PACKED = frozenset({"gz", "bz2", "zip"})  # CloudStack unpacks these
_TAKEN = {  # hypervisors -> the formats that they accept; others accept all
    "KVM": {"QCOW2", "RAW"},
    "XenServer": {"VHD"},
    "XCP-ng": {"VHD"},
    "VMware": {"OVA"},
    "Hyperv": {"VHD", "VHDX"},
}


class Source(msgspec.Struct, frozen=True):
    """What an image is created from: `template` has that part of the spec.

    `zone_id` is the source's zone, empty for a file; the size is in GB. `os_name` or `os_type` (a uuid) is the source's
    OS type, if it has one. `fact` is what the image shows about its source; `path` is locked while the image is made.
    """

    template: NewTemplate
    zone_id: str = ""
    size_gb: int = 0
    os_name: str = ""
    os_type: str = ""
    fact: dict[str, str] = {}
    path: str = ""


@serves("compute.images.insert", foreign=True)
async def insert(call: Call) -> dict[str, Any]:
    body, name = call.body, check_name("resource.name", call.body.get("name"))
    images = await images_of(call)
    if call.owner is None:
        raise not_yours(call, "create", name)
    refuse(body, REFUSED, "resource")
    check_free(call.resource("global/images"), [name], {image.name for image in images.of_project(call.project)})
    everywhere = await locations_of(call)
    source = await _source(call, name, everywhere, images)
    hypervisor, zones = zones_for(source, everywhere.all, images)
    family = check_family(body)
    os_type = source.os_type or choose_os_type(await os_types(call.cloudstack), source.os_name, family)
    family_tags = [{"key": "family", "value": family}] if family else []
    request = replace(
        source.template,
        display=check_description(body) or name,
        os_type=os_type,
        zones=tuple(_chosen_zones(call, source, everywhere, zones)),
        hypervisor=hypervisor,
        arch=next((arch for arch, shown in ARCHITECTURES.items() if shown == body.get("architecture")), ""),
        tags=(*family_tags, *labels_to_tags(check_labels(body.get("labels")))),
        facts=_facts(call, source),
    )
    holds = (source.path,) if source.path else ()
    return await call.start(create, Target("global", "images", name), request, holds=holds)


@work("images.insert", NewTemplate)
async def create(op: Op, request: NewTemplate) -> None:
    """Create the template, keep its facts, tag it and copy it to the other zones. If a step fails, nothing remains."""

    async def ids_before() -> list[str]:
        """Check the name again under its lock. A free name may still be that of templates made by hand."""
        own = await op.cloudstack.list_all("listTemplates", Template, {**OWN, "templatefilter": "self"})
        images = Catalog(own, (), op.operation.project).all
        collection = f"projects/{op.operation.project}/global/images"
        check_free(collection, [request.name], {image.name for image in images})
        return [image.id for image in images if image.cloudstack_name == request.name]

    before = frozenset(await op.decide("known", ids_before))
    failure = f"The image {request.name} could not be removed"
    try:
        async with removing_new(
            op, "undo", template_steps.of_name(request.name), before, template_steps.delete, failure
        ):
            template_id = await template_steps.create(op, request, before)
            await op.target(gce_id(template_id))
            await op.keep("facts", template_id, KIND, request.facts)
            await tagging.add(op, "tags", RESOURCE, template_id, request.tags)
            await op.progress(70, "The image is ready.")
        op.cloudstack.forget("listTemplates")
        if not request.url:  # a file is registered in all zones at once
            await template_steps.copy(op, template_id, request.zones)
    finally:
        op.cloudstack.forget("listTemplates")


async def _source(call: Call, name: str, everywhere: Locations, images: Catalog) -> Source:
    """The one source that the body names."""
    named, blank = [field for field in SOURCES if call.body.get(field)], NewTemplate(name)
    if named == ["sourceDisk"]:
        return await _of_disk(call, blank, everywhere, images)
    if named == ["sourceSnapshot"]:
        snapshot = await resolve_snapshot(call, call.body["sourceSnapshot"], "resource.sourceSnapshot")
        return Source(
            replace(blank, snapshot_id=snapshot.uuid),
            zone_id=snapshot.snapshot.zoneid,
            size_gb=snapshot.gigabytes,
            os_type=snapshot.snapshot.ostypeid,
            fact=snapshot.fact,
            path=snapshot.path,
        )
    if named == ["sourceImage"]:
        return await _of_image(call, blank, everywhere)
    if named == ["rawDisk"]:
        return _of_file(call, blank, call.body["rawDisk"])
    raise Problem.invalid("resource", f"exactly one of {', '.join(SOURCES)} must be given, not {len(named)}.")


async def _of_disk(call: Call, blank: NewTemplate, everywhere: Locations, images: Catalog) -> Source:
    text = call.body["sourceDisk"]
    reference = parse_reference(text)
    if reference.collection != "disks" or not reference.zone:
        raise Problem.invalid("resource.sourceDisk", f"'{text}'. Send zones/ZONE/disks/DISK.")
    project = project_of(call, reference.project)
    path = f"projects/{project}/zones/{reference.zone}/disks/{reference.name}"
    if project != call.project:
        raise Problem.not_found(path)
    location = everywhere.zone(call.project, reference.zone)
    disk = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, reference.name)
    if disk is None:
        raise Problem.not_found(path)
    volume = disk.volume
    if volume.state not in volume_steps.AT_REST:
        raise Problem.not_ready(path)
    running = bool(volume.virtualmachineid) and volume.vmstate != "Stopped"
    if running and not call.params.get("forceCreate"):
        user = volumes.user_of(volume, disk.facts)
        raise Problem.in_use(path, call.resource(f"zones/{location.zone}/instances/{user}"))
    storing = await blank_disk_spec(call, location, path) if volume.state == "Allocated" else None
    image = images.by_id.get(volume.templateid)
    own_path = f"zones/{location.zone}/disks/{disk.name}"
    return Source(
        replace(blank, volume_id=volume.id, running=running, storing=storing),
        zone_id=location.id,
        size_gb=volume.gigabytes,
        os_name=image.os_type if image else "",
        fact={"field": "sourceDisk", "path": own_path, "id": gce_id(volume.id)},
        path=own_path,
    )


async def _of_image(call: Call, blank: NewTemplate, everywhere: Locations) -> Source:
    """An image of another image, by way of a disk in the first zone where a disk can be made."""
    field = "resource.sourceImage"
    try:
        image = await resolve_image(call, call.body["sourceImage"])
    except Problem as problem:
        raise Problem.invalid(field, problem.message) from problem
    refusal = Problem.not_ready(image.path, f"The image '{image.path}' is not ready in any zone.")
    for location in everywhere.all:
        if not location.enabled or location.id not in image.zones:
            continue
        try:
            making = await image_disk_spec(call, location, RootDisk(image, "", "", None), field)
        except Problem as problem:
            refusal = problem
            continue
        return Source(
            replace(blank, making=making),
            zone_id=location.id,
            size_gb=image.size_gb,
            os_name=image.os_type,
            fact={"field": "sourceImage", "path": image.path, "id": gce_id(image.id)},
        )
    raise refusal


def _of_file(call: Call, blank: NewTemplate, raw: Mapping[str, Any]) -> Source:
    field, url = "resource.rawDisk.source", raw.get("source", "")
    if not url:
        raise Problem.required(field)
    _check_host(url, field)
    parts = urlsplit(url).path.rsplit("/", 1)[-1].lower().split(".")
    if len(parts) > 1 and parts[-1] in _PACKED:
        parts.pop()
    ending = parts[-1] if len(parts) > 1 else ""
    if ending not in FORMATS:
        why = f"CloudStack takes the disk file itself: {', '.join(f'.{one}' for one in FORMATS)}"
        raise Problem.unsupported(field, f"'{url}'. {why}; it may be packed as .gz, .bz2 or .zip, but not as .tar.")
    if ending == "img":
        call.warn(IGNORED, "The file is read as QCOW2, the format of the distributions' .img files.")
    checksum = raw.get("sha1Checksum", "")
    return Source(replace(blank, url=url, format=FORMATS[ending], checksum=f"{{SHA-1}}{checksum}" if checksum else ""))


def _check_host(url: str, field: str) -> None:
    """Refuse what CloudStack would not download: other schemes, and addresses of its own machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise Problem.invalid(field, f"'{url}'. Send an http or https URL that CloudStack can download from.")
    try:
        local = ip_address(host).is_loopback or ip_address(host).is_link_local
    except ValueError:
        local = host == "localhost"
    if local:
        raise Problem.invalid(field, f"'{url}'. CloudStack does not download from {host}.")


def zones_for(source: Source, everywhere: Sequence[Location], images: Catalog) -> tuple[str, list[str]]:
    """The hypervisor of a file (empty for other sources) and the zones that can have the image, the source's first.

    CloudStack does not tell users the hypervisor of a zone, so we take that of most templates that are ready there.
    """
    zones = [location.id for location in everywhere if location.enabled or location.id == source.zone_id]
    if not source.template.url:
        return "", sorted(zones, key=lambda zone_id: zone_id != source.zone_id)
    of_zone: dict[str, str] = {}
    for zone_id in zones:
        found = Counter(image.hypervisor for image in images.all if zone_id in image.zones and image.hypervisor)
        of_zone[zone_id] = found.most_common(1)[0][0] if found else ""
    wanted = source.template.format
    fitting = Counter(name for name in of_zone.values() if name and wanted in _TAKEN.get(name, {wanted}))
    if not fitting:
        present_ones = ", ".join(sorted({name for name in of_zone.values() if name})) or "unknown"
        why = f"the hypervisors of this cloud ({present_ones}) do not accept {wanted} files."
        raise Problem.unsupported("resource.rawDisk.source", why)
    hypervisor = fitting.most_common(1)[0][0]
    return hypervisor, [zone_id for zone_id in zones if of_zone[zone_id] == hypervisor]


def _chosen_zones(call: Call, source: Source, everywhere: Locations, zones: Sequence[str]) -> list[str]:
    """The zones that are in the regions that the body names; all zones if it names none."""
    field, regions = "resource.storageLocations", call.body.get("storageLocations") or []
    for region in regions:
        if region not in {location.region for location in everywhere.all}:
            all_regions = ", ".join(sorted(location.region for location in everywhere.all))
            raise Problem.invalid(field, f"'{region}'. This cloud has the regions {all_regions}.")
    wanted = {location.id for location in everywhere.all if location.region in regions}
    found = [zone_id for zone_id in zones if not regions or zone_id in wanted]
    if regions and source.zone_id and source.zone_id not in found:
        why = "CloudStack makes the image in the region of its source first. Name that region too."
        raise Problem.unsupported(field, why)
    if not found:
        raise Problem.unsupported(field, "no zone there can have this image.")
    return found


def _facts(call: Call, source: Source) -> dict[str, Any]:
    """The facts for the sidecar: the source, and the fields that are shown as sent and have no effect."""
    body, size_gb = call.body, int(call.body.get("diskSizeGb") or 0)
    if size_gb and size_gb != source.size_gb:
        why = "CloudStack takes the size from the source. Leave diskSizeGb out, and set it on the image's disks."
        raise Problem.unsupported("resource.diskSizeGb", why)
    for field in ("guestOsFeatures", "licenses"):
        if body.get(field):
            call.warn(IGNORED, f"{field} is kept and has no effect: the OS type determines the virtual hardware.")
    return present(
        {
            "source": source.fact,
            "size_gb": source.size_gb or None,
            "guest_os_features": body.get("guestOsFeatures"),
            "licenses": body.get("licenses"),
            "architecture": body.get("architecture"),
        }
    )
