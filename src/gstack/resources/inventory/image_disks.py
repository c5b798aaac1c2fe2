"""What a disk of an image will be: checked and found, for boot disks, data disks and disks without a machine.

The disk is a root volume in CloudStack, whatever it becomes: its type is the machine's own root disk for Google's three
types, unless the settings give them an offering; other types are disk offerings. Sends nothing that changes.
"""

import asyncio

import msgspec

from gstack.errors import Problem
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskOfferings
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.service_offerings import offerings, smallest
from gstack.resources.inventory.templates import Image, resolve_image
from gstack.resources.inventory.zones import Location
from gstack.resources.shared.references import parse_reference
from gstack.resources.steps import spare_network
from gstack.resources.steps.image_disks import Making

_MAKER = "CloudStack makes a disk of an image with a machine that runs for a moment. "
_NO_NETWORK = f"{_MAKER}It must be apart from your networks, in an L2 network, and this cloud offers none in zone"
_NO_OFFERING = f"{_MAKER}This cloud offers no machine whose root disk can have any size, in zone"


class Asked(msgspec.Struct, frozen=True):
    """What a body asks for: image and type in any form, size in GB. `fields` are the names of the three in Problems."""

    image: str
    kind: str
    size_gb: int | None
    fields: tuple[str, str, str]


class RootDisk(msgspec.Struct, frozen=True):
    """A disk of an image. `kind` is its type's name; `offering_id` and `size_gb` as in makers.Making."""

    image: Image
    kind: str
    offering_id: str
    size_gb: int | None

    @property
    def fact(self) -> dict[str, str]:
        """What the sidecar keeps of the image."""
        return {"project": self.image.project, "name": self.image.name}


async def root_disk(reader: Reader, location: Location, asked: Asked, known: DiskOfferings) -> RootDisk:
    """The disk that a machine of the image would have; 400 or 404 where there can be none."""
    image = await resolve_image(reader, asked.image, location.id)
    if location.id not in image.zones:
        why = f"The image '{image.path}' is not ready in the zone '{location.zone}'."
        raise Problem.not_ready(image.path, why)
    if asked.size_gb is not None and asked.size_gb < image.size_gb:
        why = f"'{asked.size_gb}'. Requested disk size cannot be smaller than the image size ({image.size_gb} GB)."
        raise Problem.invalid(asked.fields[2], why)
    return RootDisk(image, *_root_type(reader, location, asked, image, known))


async def making(reader: Reader, location: Location, disk: RootDisk, field: str) -> Making:
    """How the disk is made without a machine that keeps it; 400 where this cloud cannot."""
    found, network = await asyncio.gather(offerings(reader.cloudstack), _network(reader, location))
    machine = smallest(found, location.id, own_disk=bool(disk.offering_id))
    if machine is None:
        raise Problem.unsupported(field, f"{_NO_OFFERING} '{location.zone}'.")
    if not network:
        raise Problem.unsupported(field, f"{_NO_NETWORK} '{location.zone}'.")
    return Making(
        zone_id=location.id,
        security_groups=location.security_groups,
        template_id=disk.image.id,
        machine=machine,
        offering_id=disk.offering_id,
        size_gb=disk.size_gb,
    )


async def _network(reader: Reader, location: Location) -> bool:
    """Whether there is a place for the machine."""
    return location.security_groups or bool(await spare_network.offered(reader.cloudstack, location.id))


def _root_type(
    reader: Reader, location: Location, asked: Asked, image: Image, known: DiskOfferings
) -> tuple[str, str, int | None]:
    """The type's name, the disk offering to put in place of the service offering's own, and the size to ask for."""
    _, type_field, size_field = asked.fields
    size, name = asked.size_gb or 0, parse_reference(asked.kind).name or PERSISTENT[0]
    found = known.named(name, location.id)
    if found is None and name not in PERSISTENT:
        known.choose(asked.kind, None, location.id, (type_field, ""))  # raises, with what there is
    if found is None or (found[0] in PERSISTENT and found[0] not in reader.settings.names.disk_types):
        return (found[0] if found else name), "", size if size > image.size_gb else None
    choice = known.choose(asked.kind, size or None, location.id, (type_field, size_field))
    if not choice.custom and (choice.size_gb or 0) < image.size_gb:
        why = f"'{asked.kind}'. Its disks have {choice.size_gb} GB, the image needs {image.size_gb} GB."
        raise Problem.invalid(type_field, why)
    return found[0], choice.offering_id, (size or image.size_gb) if choice.custom else None
