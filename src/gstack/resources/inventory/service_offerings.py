"""Service offerings: which machine types they are, and how one is chosen.

An offering of fixed size is a machine type under the slug of its name; the raw name and the numeric id are accepted
too. A customisable offering is not listed: it serves Google's custom types, `custom-<vCPUs>-<MB>`, with or without a
series (`n1-custom-2-4096`). An offering that is named for a series (`e2-custom`) is preferred for that series. vCPUs
and memory must obey both Google's rules and the limits of the offering.
"""

import re
from collections.abc import Sequence

import msgspec

from gstack.cloudstack.client import Client
from gstack.errors import Problem
from gstack.resources.inventory.accounts import project_names
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.zones import Location
from gstack.resources.shared.naming import gce_id, gce_names, slug
from gstack.resources.shared.references import parse_reference, type_named

DEFAULT_SPEED = 1000  # MHz, for offerings that leave the speed of the processors open
_MEMORY_STEP = 256  # MB, Google's rule for custom types
_CUSTOM = re.compile(r"(?:(?P<series>[a-z][a-z0-9]*)-)?custom-(?P<cpus>[1-9]\d{0,4})-(?P<memory>[1-9]\d{0,8})")


class MachineChoice(msgspec.Struct, frozen=True):
    """The size of a machine for deployVirtualMachine. A size that the offering fixes is None; cpu_speed is in MHz."""

    offering_id: str
    cpu: int | None = None
    memory_mb: int | None = None
    cpu_speed: int | None = None

    @property
    def details(self) -> dict[str, int] | None:
        """The sizes as CloudStack's commands take them, None where there are none."""
        sizes = {"cpuNumber": self.cpu, "memory": self.memory_mb, "cpuSpeed": self.cpu_speed}
        return {name: size for name, size in sizes.items() if size is not None} or None


class ServiceOffering(msgspec.Struct, frozen=True):
    """A service offering as CloudStack's listServiceOfferings answers it. `memory` is in MB, `cpuspeed` in MHz."""

    id: str
    name: str
    displaytext: str = ""
    created: str = ""
    cpunumber: int = 0
    cpuspeed: int = 0
    memory: int = 0
    iscustomized: bool = False
    serviceofferingdetails: dict[str, str] = {}
    zoneid: str = ""  # ids with commas; empty: every zone
    rootdisksize: int = 0  # GB; 0: that of the image or the request
    diskofferingstrictness: bool = False  # whether a machine must take the offering's own root disk
    isvolatile: bool = False  # whether each start begins with a fresh root disk

    def offered_in(self, zone_id: str) -> bool:
        """Whether the offering may be used in this zone."""
        return not self.zoneid or zone_id in self.zoneid.split(",")

    def limits(self, detail: str) -> tuple[int, int]:
        """The smallest and largest `cpunumber` or `memory` of a customisable offering; 0 to 2^31 by default."""
        details = self.serviceofferingdetails
        return int(details.get(f"min{detail}", 0)), int(details.get(f"max{detail}", 2**31))


class CustomSize(msgspec.Struct, frozen=True):
    """A custom machine type's name, taken apart."""

    series: str
    cpus: int
    memory_mb: int


class Offerings:
    """The service offerings that a caller sees, with their GCE names."""

    def __init__(self, found: Sequence[ServiceOffering]) -> None:
        self.fixed = tuple(offering for offering in found if not offering.iscustomized)
        self.customisable = tuple(offering for offering in found if offering.iscustomized)
        self.by_id = {offering.id: offering for offering in found}
        self.names = gce_names((offering.id, offering.name) for offering in found)

    def fixed_named(self, name: str, zone_id: str = "") -> ServiceOffering | None:
        """The offering of fixed size with this GCE name, CloudStack name or numeric id."""
        usable = [offering for offering in self.fixed if not zone_id or offering.offered_in(zone_id)]
        for offering in usable:
            if self.names[offering.id] == name:
                return offering
        return next((each for each in usable if name in {each.name, gce_id(each.id)}), None)

    def customisable_for(self, size: CustomSize, zone_id: str = "") -> ServiceOffering | None:
        """A customisable offering whose limits allow this size, preferably one that is named for the series."""
        usable = [offering for offering in self.customisable if not zone_id or offering.offered_in(zone_id)]
        usable.sort(key=lambda each: (not _is_for(each, size.series), self.names[each.id]))
        return next((offering for offering in usable if _allows(offering, size)), None)


def smallest(service_offerings: Offerings, zone_id: str, *, own_disk: bool) -> MachineChoice | None:
    """The smallest offering of a zone whose root disk can have any size; None where there is none.

    Fixed sizes come first. `own_disk`: a disk offering replaces the root disk of the service offering.
    """
    fixed = [each for each in service_offerings.fixed if _fits_any_disk(each, zone_id, own_disk=own_disk)]
    if fixed:
        return MachineChoice(min(fixed, key=lambda each: (each.memory, each.cpunumber, each.name)).id)
    sizes = [
        MachineChoice(
            each.id,
            max(1, each.limits("cpunumber")[0]),
            max(_MEMORY_STEP, each.limits("memory")[0]),
            None if each.cpuspeed else DEFAULT_SPEED,
        )
        for each in service_offerings.customisable
        if _fits_any_disk(each, zone_id, own_disk=own_disk)
    ]
    return min(sizes, key=lambda size: (size.memory_mb, size.cpu, size.offering_id), default=None)


def _fits_any_disk(offering: ServiceOffering, zone_id: str, *, own_disk: bool) -> bool:
    """Whether the root disk of such a machine can have any size and can be detached."""
    bound = offering.rootdisksize or offering.isvolatile or (own_disk and offering.diskofferingstrictness)
    return offering.offered_in(zone_id) and not bound


async def offerings(cloudstack: Client, *, fresh: bool = False) -> Offerings:
    """The caller's service offerings (listServiceOfferings), remembered for seconds."""
    return Offerings(await cloudstack.reference("listServiceOfferings", ServiceOffering, fresh=fresh))


async def choose(reader: Reader, name: str, field: str, location: Location) -> MachineChoice:
    """The size to deploy for a machine type, which may be named in any form. 400 on `field` for an unknown type."""
    type_named(name, "machineTypes", field, location.names, project_names(reader))
    zone_id = location.id
    found = pick(await offerings(reader.cloudstack), name, field, zone_id)
    found = found or pick(await offerings(reader.cloudstack, fresh=True), name, field, zone_id)
    if found is None:
        why = f"'{name}'. Machine type with name '{_last(name)}' does not exist in zone '{location.zone}'."
        raise Problem.invalid(field, why)
    return found


def pick(service_offerings: Offerings, name: str, field: str, zone_id: str = "") -> MachineChoice | None:
    """The size for a machine type among these offerings; None for an unknown name, 400 for a size that none offers."""
    if fixed := service_offerings.fixed_named(_last(name), zone_id):
        return MachineChoice(fixed.id)
    size = custom_size(_last(name))
    if size is None:
        return None
    offering = customisable_of(service_offerings, size, field, zone_id)
    speed = None if offering.cpuspeed else DEFAULT_SPEED
    return MachineChoice(offering.id, size.cpus, size.memory_mb, speed)


def custom_size(name: str) -> CustomSize | None:
    """Take a custom type's name apart: `custom-2-4096`, `n1-custom-2-4096`."""
    found = _CUSTOM.fullmatch(name)
    return CustomSize(found["series"] or "", int(found["cpus"]), int(found["memory"])) if found else None


def name_of(offering_id: str, cpu: int, memory: int, service_offerings: Offerings, offering_name: str = "") -> str:
    """The machine type of a machine; `memory` in MB. `offering_name` stands in for an offering that is gone."""
    offering = service_offerings.by_id.get(offering_id)
    if offering is None:
        return slug(offering_name) if offering_name else f"custom-{cpu}-{memory}"
    if not offering.iscustomized:
        return service_offerings.names[offering_id]
    series = offering.name.removesuffix("-custom") if _CUSTOM.fullmatch(f"{offering.name}-1-1") else ""
    prefix = f"{series}-" if series and series != "custom" else ""
    return f"{prefix}custom-{cpu}-{memory}"


def as_requested(name: str, requested: str) -> str:
    """The custom type as the request wrote it (`n1-custom-2-4096`) if it has the same size as the machine's type."""
    size, other = custom_size(name), custom_size(requested)
    same = size and other and (size.cpus, size.memory_mb) == (other.cpus, other.memory_mb)
    return requested if same else name


def customisable_of(service_offerings: Offerings, size: CustomSize, field: str, zone_id: str) -> ServiceOffering:
    """The offering that can have this custom size; 400 where the size breaks Google's rules or nobody offers it."""
    _check_size(size, field)
    offering = service_offerings.customisable_for(size, zone_id)
    if offering is None:
        raise Problem.invalid(
            field, f"no custom machine type with {size.cpus} vCPUs and {size.memory_mb} MB. {_why(service_offerings)}"
        )
    return offering


def _why(service_offerings: Offerings) -> str:
    if not service_offerings.customisable:
        return "This cloud has no customisable service offering."
    offers = (
        f"{_span(each.limits('cpunumber'))} vCPUs with {_span(each.limits('memory'))} MB"
        for each in service_offerings.customisable
    )
    return f"Possible are {'; '.join(offers)}."


def _span(limits: tuple[int, int]) -> str:
    return f"{limits[0]} to {limits[1]}" if limits[1] < 2**31 else f"{limits[0]} or more"


def _check_size(size: CustomSize, field: str) -> None:
    """Google's rules for custom types, the same in every series."""
    if size.cpus > 1 and size.cpus % 2:
        raise Problem.invalid(field, f"a custom machine type has 1 vCPU or an even number of them, not {size.cpus}.")
    if size.memory_mb % _MEMORY_STEP:
        raise Problem.invalid(field, f"memory must be a multiple of {_MEMORY_STEP} MB, not {size.memory_mb} MB.")


def _allows(offering: ServiceOffering, size: CustomSize) -> bool:
    cpus, memory = offering.limits("cpunumber"), offering.limits("memory")
    return cpus[0] <= size.cpus <= cpus[1] and memory[0] <= size.memory_mb <= memory[1]


def _is_for(offering: ServiceOffering, series: str) -> bool:
    return slug(offering.name).startswith(f"{series}-custom" if series else "custom")


def _last(name: str) -> str:
    return parse_reference(name).name if "/" in name else name
