"""What a new image is made of: a disk, a snapshot, or a file at a URL; checked and found. Sends nothing that changes.

CloudStack cannot make a template of another template: that is put on a disk first, by a machine that lives for a moment
(instances/makers.py), and the operation warns of it. It takes disk files as they are (`registerTemplate`), not Google's
`disk.raw` in a tar archive.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import meant
from gstack.resources.inventory.image_disks import ImageDiskSpec, RootDisk, image_disk_spec
from gstack.resources.inventory.os_types import choose_os_type, os_types
from gstack.resources.inventory.snapshots import resolve_snapshot
from gstack.resources.inventory.templates import Catalog, Image, resolve_image
from gstack.resources.inventory.zones import Location, Locations
from gstack.resources.shared.naming import gce_id
from gstack.resources.shared.references import parse_reference

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
_TAKEN = {  # hypervisors -> the formats that they take; others take all
    "KVM": {"QCOW2", "RAW"},
    "XenServer": {"VHD"},
    "XCP-ng": {"VHD"},
    "VMware": {"OVA"},
    "Hyperv": {"VHD", "VHDX"},
}


class Source(msgspec.Struct, frozen=True):
    """What the image is made of. `zone_id` is the source's, empty for a file; `fact` is what is shown of it later.

    `os_name` and `os_type` are the name or the uuid of the OS type where the source tells it.
    """

    zone_id: str = ""
    volume_id: str = ""
    running: bool = False
    snapshot_id: str = ""
    making: ImageDiskSpec | None = None
    url: str = ""
    format: str = ""
    checksum: str = ""
    size_gb: int = 0
    os_name: str = ""
    os_type: str = ""
    fact: dict[str, str] = {}
    holds: tuple[str, ...] = ()


async def source_asked(call: Call, everywhere: Locations, known: Catalog) -> Source:
    """Return the one source that the body names."""
    named = [field for field in SOURCES if call.body.get(field)]
    if len(named) != 1:
        raise Problem.invalid("resource", f"exactly one of {', '.join(SOURCES)} must be given, not {len(named)}.")
    if named == ["sourceDisk"]:
        return await _of_disk(call, everywhere, known)
    if named == ["sourceSnapshot"]:
        return await _of_snapshot(call)
    if named == ["rawDisk"]:
        return _of_file(call, call.body["rawDisk"])
    return await _of_image(call, everywhere)


async def os_type_of(call: Call, source: Source, family: str) -> str:
    """The uuid of the OS type: the source's own, else that of the new image's family, else a generic one."""
    if source.os_type:
        return source.os_type
    return choose_os_type(await os_types(call.cloudstack), source.os_name, family)


def place(source: Source, everywhere: Sequence[Location], known: Catalog) -> tuple[str, list[str]]:
    """The hypervisor of a file (empty for other sources) and the zones that can have the image, the source's first."""
    zones = [location.id for location in everywhere if location.enabled or location.id == source.zone_id]
    if not source.url:
        return "", sorted(zones, key=lambda zone_id: zone_id != source.zone_id)
    fitting = Counter[str]()
    of_zone = {zone_id: _hypervisor(zone_id, known) for zone_id in zones}
    fitting.update(name for name in of_zone.values() if name and source.format in _TAKEN.get(name, {source.format}))
    if not fitting:
        there = ", ".join(sorted({name for name in of_zone.values() if name})) or "unknown"
        why = f"the hypervisors of this cloud ({there}) take no {source.format} files."
        raise Problem.unsupported("resource.rawDisk.source", why)
    hypervisor = fitting.most_common(1)[0][0]
    return hypervisor, [zone_id for zone_id in zones if of_zone[zone_id] == hypervisor]


def _hypervisor(zone_id: str, known: Catalog) -> str:
    """The hypervisor of a zone, told by the templates that are ready there."""
    found = Counter(image.hypervisor for image in known.all if zone_id in image.zones and image.hypervisor)
    return found.most_common(1)[0][0] if found else ""


async def _of_disk(call: Call, everywhere: Locations, known: Catalog) -> Source:
    text = call.body["sourceDisk"]
    told = parse_reference(text)
    if told.collection != "disks" or not told.zone:
        raise Problem.invalid("resource.sourceDisk", f"'{text}'. Send zones/ZONE/disks/DISK.")
    project = meant(call, told.project)
    path = f"projects/{project}/zones/{told.zone}/disks/{told.name}"
    if project != call.project:
        raise Problem.not_found(path)
    location = everywhere.zone(call.project, told.zone)
    disk = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, told.name)
    if disk is None:
        raise Problem.not_found(path)
    if disk.volume.state != "Ready":
        why = f"The disk '{path}' holds nothing to make an image of: it was never attached to an instance."
        raise Problem.not_ready(path, why if disk.volume.state == "Allocated" else "")
    running = bool(disk.volume.virtualmachineid) and disk.volume.vmstate != "Stopped"
    if running and not call.params.get("forceCreate"):
        user = volumes.user_of(disk.volume, disk.facts)
        raise Problem.in_use(path, call.resource(f"zones/{location.zone}/instances/{user}"))
    image = known.by_id.get(disk.volume.templateid)
    own_path = f"zones/{location.zone}/disks/{disk.name}"
    return Source(
        zone_id=location.id,
        volume_id=disk.volume.id,
        running=running,
        size_gb=disk.volume.gigabytes,
        os_name=image.os_type if image else "",
        fact={"field": "sourceDisk", "path": own_path, "id": gce_id(disk.volume.id)},
        holds=(own_path,),
    )


async def _of_snapshot(call: Call) -> Source:
    found = await resolve_snapshot(call, call.body["sourceSnapshot"], "resource.sourceSnapshot")
    return Source(
        zone_id=found.snapshot.zoneid,
        snapshot_id=found.snapshot.id,
        size_gb=found.gigabytes,
        os_type=found.snapshot.ostypeid,
        fact=found.fact,
        holds=(found.path,),
    )


async def _of_image(call: Call, everywhere: Locations) -> Source:
    field = "resource.sourceImage"
    try:
        image = await resolve_image(call, call.body["sourceImage"])
    except Problem as problem:
        raise Problem.invalid(field, problem.message) from problem
    location, way = await _way(call, [one for one in everywhere.all if one.enabled and one.id in image.zones], image)
    return Source(
        zone_id=location.id,
        making=way,
        size_gb=image.size_gb,
        os_name=image.os_type,
        fact={"field": "sourceImage", "path": image.path, "id": gce_id(image.id)},
    )


async def _way(call: Call, places: Sequence[Location], image: Image) -> tuple[Location, ImageDiskSpec]:
    """The first zone in which a disk of the image can be made, and how; 400 with the last zone's reason without one."""
    problem = Problem.not_ready(image.path, f"The image '{image.path}' is not ready in any zone.")
    for location in places:
        try:
            disk = RootDisk(image, "", "", None)
            return location, await image_disk_spec(call, location, disk, "resource.sourceImage")
        except Problem as refused:
            problem = refused
    raise problem


def _of_file(call: Call, raw: Mapping[str, Any]) -> Source:
    field, url = "resource.rawDisk.source", raw.get("source", "")
    if not url:
        raise Problem.required(field)
    _check_host(url, field)
    ending = _ending(urlsplit(url).path)
    if ending not in FORMATS:
        why = f"CloudStack takes the disk file itself: {', '.join(f'.{known}' for known in FORMATS)}"
        raise Problem.unsupported(field, f"'{url}'. {why}; .gz, .bz2 or .zip around it is fine, a tar archive is not.")
    if ending == "img":
        call.warn("FIELD_VALUE_OVERRIDEN", "The file is taken to be QCOW2, as the distributions' .img files are.")
    checksum = raw.get("sha1Checksum", "")
    return Source(url=url, format=FORMATS[ending], checksum=f"{{SHA-1}}{checksum}" if checksum else "")


def _check_host(url: str, field: str) -> None:
    """Refuse what CloudStack's own download would refuse: other schemes, and addresses of its own machine."""
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


def _ending(path: str) -> str:
    parts = path.rsplit("/", 1)[-1].lower().split(".")
    if len(parts) > 1 and parts[-1] in _PACKED:
        parts.pop()
    return parts[-1] if len(parts) > 1 else ""
