"""Plans a disk from an image: a boot disk, a data disk, or a disk without a machine. Changes nothing.

In CloudStack every disk from an image begins as a root volume. For Google's three types, the machine's service offering
gives the root volume, unless the settings name a disk offering for the type. Other types are disk offerings.
"""

import asyncio

import msgspec

from gstack.errors import Problem
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings, check_not_smaller
from gstack.resources.inventory.network_offerings import l2_offering
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.service_offerings import MachineChoice, offerings, smallest
from gstack.resources.inventory.templates import Image, catalog, resolve_image
from gstack.resources.inventory.zones import Location
from gstack.resources.shared.references import parse_reference

_MACHINE = "CloudStack makes a disk from an image only with a temporary machine. "
_NO_NETWORK = f"{_MACHINE}It must stay out of your networks, in an L2 network, but this cloud offers none in zone"
_NO_OFFERING = f"{_MACHINE}But this cloud offers no machine whose root disk can have any size, in zone"


class ImageDiskRequest(msgspec.Struct, frozen=True):
    """The image and the type that a body names, in any form, and the size in GB.

    `fields` are the names of image, type and size in Problems.
    """

    image: str
    kind: str
    size_gb: int | None
    fields: tuple[str, str, str]


class RootDisk(msgspec.Struct, frozen=True):
    """A disk of an image. `kind` is its type's name; `offering_id` and `size_gb` are as in ImageDiskSpec."""

    image: Image
    kind: str
    offering_id: str
    size_gb: int | None

    @property
    def fact(self) -> dict[str, str]:
        """What the sidecar remembers of the image."""
        return {"project": self.image.project, "name": self.image.name}


class ImageDiskSpec(msgspec.Struct, frozen=True):
    """How steps.image_disks makes a disk from an image, with a temporary machine. JSON-able.

    `machine` is the machine's size; `offering_id` is the disk offering, empty where the service offering of the machine
    gives the disk; `size_gb` is None where the image or the offering has the only size.
    """

    zone_id: str
    security_groups: bool
    template_id: str
    machine: MachineChoice
    offering_id: str = ""
    size_gb: int | None = None


async def root_disk(
    reader: Reader, location: Location, request: ImageDiskRequest, disk_types: DiskOfferings
) -> RootDisk:
    """The disk that a machine from the image would have; 400 or 404 if it cannot have one."""
    image = await resolve_image(reader, request.image, location.id)
    if location.id not in image.zones:
        why = f"The image '{image.path}' is not ready in the zone '{location.zone}'."
        raise Problem.not_ready(image.path, why)
    check_not_smaller(request.size_gb, image.size_gb, "image", request.fields[2])
    return RootDisk(image, *_root_type(reader, location, request, image, disk_types))


async def image_disk_spec(reader: Reader, location: Location, disk: RootDisk, field: str) -> ImageDiskSpec:
    """How to make the disk if no instance boots from it; 400 if this cloud cannot make it."""
    found, network_offering = await asyncio.gather(offerings(reader.cloudstack), _network_offering(reader, location))
    machine = smallest(found, location.id, own_disk=bool(disk.offering_id))
    if machine is None:
        raise Problem.unsupported(field, f"{_NO_OFFERING} '{location.zone}'.")
    if not (network_offering or location.security_groups):
        raise Problem.unsupported(field, f"{_NO_NETWORK} '{location.zone}'.")
    return ImageDiskSpec(
        zone_id=location.id,
        security_groups=location.security_groups,
        template_id=disk.image.id,
        machine=machine,
        offering_id=disk.offering_id,
        size_gb=disk.size_gb,
    )


async def blank_disk_spec(reader: Reader, location: Location, path: str) -> ImageDiskSpec:
    """How to put a blank disk on storage: with a machine from the smallest image that is ready in the zone.

    Any image will do. 400 if there is none; `path` is the disk's.
    """
    images = (await catalog(reader.cloudstack, reader.project)).all
    ready = [image for image in images if location.id in image.zones and (image.own or image.featured)]
    if not ready:
        why = "it was never attached, and no image is ready in its zone to put it on storage with a machine."
        raise Problem.not_ready(path, f"The disk '{path}' is on no storage: {why} Attach it to an instance once.")
    smallest_image = min(ready, key=lambda image: (image.size_bytes, image.id))
    return await image_disk_spec(reader, location, RootDisk(smallest_image, "", "", None), "resource.sourceDisk")


async def _network_offering(reader: Reader, location: Location) -> str:
    return "" if location.security_groups else await l2_offering(reader.cloudstack, location.id)


def _root_type(
    reader: Reader, location: Location, request: ImageDiskRequest, image: Image, disk_types: DiskOfferings
) -> tuple[str, str, int | None]:
    """The type's name, the disk offering that replaces the service offering's own, and the size to send."""
    _, type_field, size_field = request.fields
    size, name = request.size_gb or 0, parse_reference(request.kind).name or PERSISTENT[0]
    found = disk_types.named(name, location.id)
    if found is None and name not in PERSISTENT:
        disk_types.choose(request.kind, None, location.id, (type_field, ""))  # raises, and says which types there are
    if found is None or (found[0] in PERSISTENT and found[0] not in reader.settings.names.disk_types):
        return (found[0] if found else name), "", size if size > image.size_gb else None
    choice = disk_types.choose(request.kind, size or None, location.id, (type_field, size_field))
    if not choice.custom and (choice.size_gb or 0) < image.size_gb:
        why = f"'{request.kind}'. Its disks have {choice.size_gb} GB, but the image needs {image.size_gb} GB."
        raise Problem.invalid(type_field, why)
    return found[0], choice.offering_id, (size or image.size_gb) if choice.custom else None
