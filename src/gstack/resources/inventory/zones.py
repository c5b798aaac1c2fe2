"""Zones and regions: every CloudStack zone is one region with one zone.

Links and `zone` fields show a zone's listed name: its name in `names.zones` of the settings, else its CloudStack name.
gcloud and Terraform split zone names into `<region>-<suffix>`, and expect a dash in the region. If a listed name does
not have this form, the zone also has an alias that does: `Sandbox-simulator` is also `sandbox-simulator-a`, in the
region `sandbox-simulator`; `adv` is also `cs-adv-a`. If a CloudStack name cannot stand in a URL (`Zone 1`), lists show
the alias. Requests may use the listed name, the alias, the CloudStack name or the numeric id. Two zones that would
share a region are refused: everything in CloudStack is zonal, so a regional address or subnetwork would have no
definite zone.
"""

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from gstack.cloudstack.client import Client
from gstack.config import NameSettings
from gstack.errors import Problem
from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.naming import gce_id, slug, suffix

CREATED = "1969-12-31T16:00:00.000-08:00"  # what Google shows for things that were always there
_IN_URLS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FIT = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+){2,}")
_LENGTH = 61  # of a region: the zone's suffix `-a` must fit in Google's 63


class Zone(msgspec.Struct, frozen=True):
    """A zone as CloudStack's listZones answers it."""

    id: str
    name: str
    networktype: str = "Basic"
    securitygroupsenabled: bool = False
    allocationstate: str = "Enabled"
    displaytext: str = ""
    description: str = ""


class Location(msgspec.Struct, frozen=True):
    """A CloudStack zone with its GCE names. `zone` is shown, `alias` is one that clients can take apart."""

    id: str
    cloudstack_name: str
    zone: str
    alias: str
    region: str
    security_groups: bool = False
    advanced: bool = False
    enabled: bool = True
    description: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that names this zone, the strongest first."""
        return self.zone, self.alias, self.cloudstack_name, gce_id(self.id)

    @property
    def region_id(self) -> str:
        """The numeric id of the region."""
        return gce_id(f"region {self.id}")


class Locations:
    """All zones of the cloud that the caller sees."""

    def __init__(self, found: Iterable[Location]) -> None:
        self.all: tuple[Location, ...] = tuple(found)
        self._ids = {location.id: location for location in self.all}
        self._zones: dict[str, Location] = {}
        for strength in range(4):
            for location in self.all:
                self._zones.setdefault(location.names[strength], location)
        self._regions = {location.region: location for location in self.all}
        self._regions |= {location.region_id: location for location in self.all}

    def zone(self, call_project: str, name: str) -> Location:
        """Find a zone by any of its names; 404 as Google words it."""
        if name not in self._zones:
            raise Problem.not_found(f"projects/{call_project}/zones/{name}")
        return self._zones[name]

    def region(self, call_project: str, name: str) -> Location:
        """Find a region's one zone; 404 as Google words it."""
        if name not in self._regions:
            raise Problem.not_found(f"projects/{call_project}/regions/{name}")
        return self._regions[name]

    def of_id(self, zone_uuid: str) -> Location | None:
        """The zone of this CloudStack uuid."""
        return self._ids.get(zone_uuid)


async def locations(cloudstack: Client, names: NameSettings) -> Locations:
    """Return all zones with their Google names. They are remembered for seconds (listZones)."""
    return await cloudstack.reference("listZones", Zone, build=name_zones, context=(names,))


async def listed_zone(cloudstack: Client, name: str, names: NameSettings) -> str:
    """The name in lists of the zone whose alias this is; any other name stays as it is."""
    everywhere = (await locations(cloudstack, names)).all
    return next((location.zone for location in everywhere if location.alias == name), name)


async def locations_of(reader: Reader) -> Locations:
    """All zones that a caller sees."""
    return await locations(reader.cloudstack, reader.settings.names)


async def zone_of(reader: Reader, name: str) -> Location:
    """The zone of this name; 404 as Google words it."""
    return (await locations_of(reader)).zone(reader.project, name)


def name_zones(zones: Iterable[Zone], names: NameSettings) -> Locations:
    """Give every CloudStack zone its GCE names; a Problem that names the setting where that is not possible."""
    ordered = sorted(zones, key=lambda zone: zone.name)
    listed = {zone.id: names.zones.get(zone.name, zone.name) for zone in ordered}
    for zone in ordered:
        _check_mapping(zone.name, names)
    fit = {uuid: name.rpartition("-")[0] for uuid, name in listed.items() if is_fit(name)}
    _check_regions(ordered, fit)
    regions = fit | _own_regions({uuid: name for uuid, name in listed.items() if uuid not in fit}, set(fit.values()))
    return Locations(_location(zone, listed[zone.id], regions[zone.id], zone.id in fit) for zone in ordered)


def propose(zones: Iterable[Zone]) -> dict[str, str]:
    """CloudStack zone name -> a GCE zone name that clients can take apart, each in a region of its own.

    `gstack-configure` writes them to `names.zones`. Zones with fit names that would share a region get regions instead.
    """
    ordered = sorted(zones, key=lambda zone: zone.name)
    fit = [zone for zone in ordered if is_fit(zone.name)]
    count = Counter(zone.name.rpartition("-")[0] for zone in fit)
    unchanged = {zone.id: zone.name for zone in fit if count[zone.name.rpartition("-")[0]] == 1}
    taken = {name.rpartition("-")[0] for name in unchanged.values()}
    regions = _own_regions({zone.id: zone.name for zone in ordered if zone.id not in unchanged}, taken)
    return {zone.name: unchanged.get(zone.id) or f"{regions[zone.id]}-a" for zone in ordered}


def is_fit(name: str) -> bool:
    """Whether clients can take this zone name apart: `<a>-<b>-<x>`, lower case, at most 63 characters."""
    return _FIT.fullmatch(name) is not None and len(name) <= _LENGTH + 2


def region_for(name: str) -> str:
    """The region proposed for a zone name that clients cannot take apart."""
    text = re.sub(r"-+", "-", slug(name))[:_LENGTH].rstrip("-")
    return text if "-" in text else f"cs-{text}"


def _own_regions(unfit: dict[str, str], taken: set[str]) -> dict[str, str]:
    proposed = {uuid: region_for(name) for uuid, name in unfit.items()}
    count = Counter(proposed.values())
    return {
        uuid: region if count[region] == 1 and region not in taken else f"{region[:56].rstrip('-')}-{suffix(uuid)}"
        for uuid, region in proposed.items()
    }


def _location(zone: Zone, listed: str, region: str, fit: bool) -> Location:
    alias = listed if fit else f"{region}-a"
    return Location(
        id=zone.id,
        cloudstack_name=zone.name,
        zone=listed if _IN_URLS.fullmatch(listed) else alias,
        alias=alias,
        region=region,
        security_groups=zone.securitygroupsenabled,
        advanced=zone.networktype == "Advanced",
        enabled=zone.allocationstate == "Enabled",
        description=zone.description or zone.displaytext or zone.name,
    )


def _check_mapping(name: str, names: NameSettings) -> None:
    if name in names.zones and not is_fit(names.zones[name]):
        raise _misconfigured(f"names.zones maps '{name}' to '{names.zones[name]}', which is not <a>-<b>-<x>")


def _check_regions(zones: list[Zone], regions: dict[str, str]) -> None:
    for region, count in Counter(regions.values()).items():
        if count > 1:
            shared = ", ".join(f"'{zone.name}'" for zone in zones if regions.get(zone.id) == region)
            raise _misconfigured(f"the CloudStack zones {shared} share the region '{region}'")


def _misconfigured(what: str) -> Problem:
    text = f"This server's zones are not set up: {what}. Correct the setting names.zones (gstack-configure writes it)."
    return Problem(500, "backendError", text, code="INTERNAL_ERROR")
