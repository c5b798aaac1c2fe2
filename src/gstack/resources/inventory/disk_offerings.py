"""Disk offerings, the disk types that they stand for, and how one is chosen.

`pd-standard`, `pd-balanced` and `pd-ssd` are the offerings in the setting `names.disk_types`, by default the cloud's
custom-size offering. Every disk offering is also a disk type under the slug of its name. An offering of fixed size
makes disks of that size only. The bounds of custom sizes are CloudStack's (listCapabilities), in GB.

The bounds of the sizes of new disks are checked here. disks.resize checks by itself that a disk does not shrink
(storage/disks/changes.py).
"""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from gstack.cloudstack.client import Client
from gstack.config import NameSettings
from gstack.errors import Problem
from gstack.resources.shared.naming import gce_id, gce_names
from gstack.resources.shared.references import parse_reference

PERSISTENT = ("pd-standard", "pd-balanced", "pd-ssd")  # the first is the default, and the name of what has no other
DEFAULT_SIZES = {"pd-standard": 500}  # GB, Google's, of a blank disk without a size; other types have 100
_DEFAULT_SIZE = 100


class DiskOffering(msgspec.Struct, frozen=True):
    """A disk offering as CloudStack's listDiskOfferings answers it. `disksize` is in GB, 0 where it is chosen."""

    id: str
    name: str
    displaytext: str = ""
    created: str = ""
    disksize: int = 0
    iscustomized: bool = False
    zoneid: str = ""  # ids with commas; empty: every zone

    def offered_in(self, zone_id: str) -> bool:
        """Whether the offering may be used in this zone."""
        return not self.zoneid or zone_id in self.zoneid.split(",")


class DiskBounds(msgspec.Struct, frozen=True):
    """The sizes, in GB, that a disk of custom size may have, as listCapabilities tells them."""

    customdiskofferingminsize: int = 1
    customdiskofferingmaxsize: int = 1024

    def default_size(self, kind: str) -> int:
        """The default size in GB of a blank disk of this type: Google's, within the bounds."""
        wanted = DEFAULT_SIZES.get(kind, _DEFAULT_SIZE)
        return max(self.customdiskofferingminsize, min(wanted, self.customdiskofferingmaxsize))


class DiskChoice(msgspec.Struct, frozen=True):
    """The offering for a disk. `kind` is the name of the disk type. Only a `custom` offering takes a size.

    `size_gb` is the size of the disk in GB, None where a custom size is not chosen yet.
    """

    kind: str
    offering_id: str
    custom: bool
    size_gb: int | None = None

    @property
    def size_to_send(self) -> int | None:
        """The size in GB for createVolume: None if the offering has a fixed size."""
        return self.size_gb if self.custom else None


class DiskOfferings:
    """The disk offerings that a caller sees, under the names of disk types."""

    def __init__(self, found: Sequence[DiskOffering], names: NameSettings, bounds: DiskBounds) -> None:
        self.bounds = bounds
        own = gce_names(((offering.id, offering.name) for offering in found), taken=(*PERSISTENT, *names.disk_types))
        self.types: dict[str, DiskOffering] = {**_mapped(found, names)}
        self.types |= {own[offering.id]: offering for offering in found}
        self._found = found

    def named(self, name: str, zone_id: str = "") -> tuple[str, DiskOffering] | None:
        """Find a disk type by GCE name, CloudStack name or numeric id; its GCE name and its offering."""
        for kind, offering in self.types.items():
            known_as = {kind, offering.name, type_id(kind, offering)}
            if name in known_as and (not zone_id or offering.offered_in(zone_id)):
                return kind, offering
        return None

    def choose(
        self, name: str, size_gb: int | None, zone_id: str = "", fields: tuple[str, str] = ("", "")
    ) -> DiskChoice:
        """Choose the offering for a disk type and a size. `fields` are the names of type and size in Problems."""
        type_field, size_field = fields[0] or "resource.type", fields[1] or "resource.sizeGb"
        wanted = (parse_reference(name).name if "/" in name else name) or PERSISTENT[0]
        found = self.named(wanted, zone_id)
        if found is None:
            text = f"'{name}'. This cloud has the disk types {', '.join(sorted(self.types))}."
            raise Problem.invalid(type_field, text)
        kind, offering = found
        self._check_size(kind, offering, size_gb, size_field)
        size = size_gb if offering.iscustomized else offering.disksize
        return DiskChoice(kind, offering.id, offering.iscustomized, size)

    def plan_disk(
        self, name: str, size_gb: int | None, zone_id: str, least: int = 0, fields: tuple[str, str] = ("", "")
    ) -> DiskChoice:
        """Choose the offering and the size of a new disk. If neither size is given, it gets the type's default.

        `size_gb` is the requested size; `least` is the size of the disk's source, 0 for a blank disk.
        """
        choice = self.choose(name, size_gb, zone_id, fields)
        if choice.custom:
            return replace(choice, size_gb=size_gb or least or self.bounds.default_size(choice.kind))
        if (choice.size_gb or 0) < least:
            why = f"'{name}'. Its disks have {choice.size_gb} GB, but {least} GB are needed. Choose another type."
            raise Problem.invalid(fields[0] or "resource.type", why)
        return choice

    def name_of(self, offering_id: str) -> str:
        """The disk type of a disk of this offering; `pd-standard` for root disks and for offerings that are gone."""
        return next((kind for kind, offering in self.types.items() if offering.id == offering_id), PERSISTENT[0])

    def _check_size(self, kind: str, offering: DiskOffering, size_gb: int | None, field: str) -> None:
        if size_gb is None:
            return
        if not offering.iscustomized and size_gb != offering.disksize:
            text = f"disk type '{kind}' makes disks of {offering.disksize} GB only, not {size_gb} GB."
            raise Problem.invalid(field, text)
        low, high = self.bounds.customdiskofferingminsize, self.bounds.customdiskofferingmaxsize
        if offering.iscustomized and not low <= size_gb <= high:
            raise Problem.invalid(field, f"'{size_gb}'. Disk size must be between {low} GB and {high} GB.")


def check_not_smaller(size_gb: int | None, least_gb: int, origin: str, field: str) -> None:
    """400 where a new disk is to be smaller than what it is made of; `origin` is `image`, `snapshot` or `disk`."""
    if size_gb is not None and size_gb < least_gb:
        why = f"Requested disk size cannot be smaller than the {origin} size ({least_gb} GB)."
        raise Problem.invalid(field, f"'{size_gb}'. {why}")


async def disk_offerings(cloudstack: Client, names: NameSettings) -> DiskOfferings:
    """The caller's disk offerings. Two calls at the same time (listDiskOfferings, remembered; listCapabilities)."""
    found, answer = await asyncio.gather(
        cloudstack.reference("listDiskOfferings", DiskOffering),
        cloudstack.send("listCapabilities", {}, dict[str, DiskBounds]),
    )
    return DiskOfferings(found, names, next(iter(answer.values()), DiskBounds()))


def type_id(kind: str, offering: DiskOffering) -> str:
    """The numeric id of a disk type: several types may be one offering."""
    return gce_id(f"{offering.id} {kind}")


def _mapped(found: Sequence[DiskOffering], names: NameSettings) -> dict[str, DiskOffering]:
    """The types that the settings map, then Google's three on the custom-size offering."""
    custom = next((each for each in sorted(found, key=lambda each: each.created) if each.iscustomized), None)
    by_name = {offering.name: offering for offering in found}
    mapped: dict[str, DiskOffering | None] = dict.fromkeys(PERSISTENT, custom)
    mapped |= {kind: by_name.get(name) for kind, name in names.disk_types.items()}
    return {kind: offering for kind, offering in mapped.items() if offering}
