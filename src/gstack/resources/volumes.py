"""CloudStack's volumes, the names they have as Google's disks, and how one is found.

A root volume is called `ROOT-54` and cannot be renamed: its GCE name is the sidecar's, else its machine's. A data
volume's is the sidecar's, else its own as a slug; two volumes may share a name, two disks of a zone may not. The root
volume of a destroyed machine stays listed for a day (`vmstate` Destroyed), and a deleted data volume until it is
purged: both are no disks.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.resources import machines
from gstack.resources.locations import Location
from gstack.resources.machines import Facts
from gstack.resources.naming import gce_id

ROOT = "ROOT"
GIB = 1 << 30
_GONE = frozenset({"Destroy", "Destroyed", "Expunging", "Expunged"})


class Volume(msgspec.Struct, frozen=True):
    """A volume as CloudStack lists it. `size` is in bytes; `deviceid` is 0 for a root volume in its place."""

    id: str
    name: str = ""
    zoneid: str = ""
    type: str = ""
    state: str = ""
    size: int = 0
    created: str = ""
    attached: str = ""
    deviceid: int | None = None
    virtualmachineid: str = ""
    vmname: str = ""
    vmdisplayname: str = ""
    vmstate: str = ""
    templateid: str = ""
    templatename: str = ""
    diskofferingid: str = ""
    diskofferingname: str = ""
    tags: tuple[dict[str, Any], ...] = ()

    @property
    def shown(self) -> bool:
        """Whether this is a disk at all."""
        return self.state not in _GONE and self.vmstate not in machines.GONE

    @property
    def gigabytes(self) -> int:
        """Size in GB as Google counts them (2^30 bytes), rounded up."""
        return -(-self.size // GIB)


class FoundDisk(msgspec.Struct, frozen=True):
    """One volume with its GCE name and the facts about it and its machine (keyed by uuid)."""

    volume: Volume
    name: str
    facts: Facts


def kind(zone_id: str) -> str:
    """The sidecar's kind of the disks of a CloudStack zone: their names are unique in it."""
    return f"disks/{zone_id}"


def names_of(volumes: Iterable[Volume], facts: Facts) -> dict[str, str]:
    """Map uuid to GCE name, each once in its zone."""
    zones: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for volume in volumes:
        zones[volume.zoneid].append((volume.id, _raw_name(volume, facts)))
    return {uuid: name for pairs in zones.values() for uuid, name in machines.names_beside(pairs, facts).items()}


def user_of(volume: Volume, facts: Facts) -> str:
    """The GCE name of the instance that has this volume; empty where none has."""
    if not volume.virtualmachineid:
        return ""
    return machines.name_behind(volume.virtualmachineid, volume.vmname, volume.vmdisplayname, facts)


def uuids(volumes: Iterable[Volume]) -> set[str]:
    """The uuids whose facts say how to show these volumes: their own and their machines'."""
    return {uuid for volume in volumes for uuid in (volume.id, volume.virtualmachineid) if uuid}


async def find(cloudstack: Client, sidecar: Sidecar, owner: str, location: Location, wanted: str) -> FoundDisk | None:
    """Find a disk of a zone by GCE name or numeric id: one call to CloudStack where the sidecar knows it."""
    if wanted.isdigit():
        return await _by_number(cloudstack, sidecar, location, wanted)
    if uuid := await sidecar.named(owner, kind(location.id), wanted):
        if found := await _first(cloudstack, sidecar, location, {"id": uuid}):
            return found
        await sidecar.drop(uuid)
    return await _by_name(cloudstack, sidecar, owner, location, wanted)


async def _by_name(
    cloudstack: Client, sidecar: Sidecar, owner: str, location: Location, wanted: str
) -> FoundDisk | None:
    data, machine = await asyncio.gather(
        _search(cloudstack, sidecar, location, {"keyword": wanted}),
        machines.find(cloudstack, sidecar, owner, location, wanted),
    )
    if found := next((one for one in data if one.name == wanted), None):
        return found
    if machine is None:
        return None
    its = await _first(cloudstack, sidecar, location, {"virtualmachineid": machine.machine.id, "type": ROOT})
    return its if its and its.name == wanted else None


async def _by_number(cloudstack: Client, sidecar: Sidecar, location: Location, number: str) -> FoundDisk | None:
    if uuid := await sidecar.uuid_of(number):
        return await _first(cloudstack, sidecar, location, {"id": uuid})
    everything = await _search(cloudstack, sidecar, location, {})
    return next((found for found in everything if gce_id(found.volume.id) == number), None)


async def _first(
    cloudstack: Client, sidecar: Sidecar, location: Location, narrowed: Mapping[str, object]
) -> FoundDisk | None:
    return next(iter(await _search(cloudstack, sidecar, location, narrowed)), None)


async def _search(
    cloudstack: Client, sidecar: Sidecar, location: Location, narrowed: Mapping[str, object]
) -> list[FoundDisk]:
    parameters = {"zoneid": location.id, **narrowed}
    volumes = [one for one in await cloudstack.list_all("listVolumes", Volume, parameters) if one.shown]
    facts = await sidecar.facts(uuids(volumes))
    names = names_of(volumes, facts)
    return [FoundDisk(one, names[one.id], facts) for one in volumes]


def _raw_name(volume: Volume, facts: Facts) -> str:
    if volume.type == ROOT and volume.virtualmachineid:
        return user_of(volume, facts)
    return volume.name
