"""CloudStack's volumes, the names they have as Google's disks, and how one is found.

A root volume is called `ROOT-54` and cannot be renamed: its GCE name is in the sidecar, else it is that of its machine.
The GCE name of a data volume is in the sidecar, else it is the slug of its own. Two volumes may share a name, two disks
of a zone may not. CloudStack lists the root volume of a destroyed machine for a day (`vmstate` Destroyed), and a
deleted data volume until it is purged; neither is a disk.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.resources.inventory import finding, machines
from gstack.resources.inventory.accounts import project_names, project_of
from gstack.resources.inventory.machines import Facts
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.zones import Location
from gstack.resources.shared.naming import gce_id, timestamp_of
from gstack.resources.shared.references import name_in, parse_reference
from gstack.resources.shared.sizes import gigabytes

ROOT = "ROOT"
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
        tool = self.type == ROOT and self.of_tool
        return self.state not in _GONE and self.vmstate not in machines.GONE and not tool

    @property
    def of_tool(self) -> bool:
        """Whether it is attached to a temporary machine of this server (steps/image_disks.py)."""
        return self.vmdisplayname.startswith(machines.TOOL)

    @property
    def gigabytes(self) -> int:
        """Size in GB as Google counts them (2^30 bytes), rounded up."""
        return gigabytes(self.size)


class FoundDisk(msgspec.Struct, frozen=True):
    """One volume with its GCE name and the facts about it and its machine (keyed by uuid)."""

    volume: Volume
    name: str
    facts: Facts

    @property
    def uuid(self) -> str:
        """CloudStack's uuid of the volume."""
        return self.volume.id

    @property
    def own_facts(self) -> Mapping[str, Any]:
        """The facts about the disk itself."""
        return self.facts.get(self.volume.id, {})


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
    if not volume.virtualmachineid or volume.of_tool:
        return ""
    return machines.name_behind(volume.virtualmachineid, volume.vmname, volume.vmdisplayname, facts)


def last_attach(volume: Volume, facts: Mapping[str, Any]) -> str:
    """When a volume was last attached, in Google's form; `facts` are its own. Empty where nobody knows.

    CloudStack does not say it of a root volume that came with its machine, nor of one that was detached.
    """
    own = volume.created if volume.type == ROOT and volume.virtualmachineid else ""
    return timestamp_of(volume.attached or own) or str(facts.get("last_attach", ""))


def uuids(volumes: Iterable[Volume]) -> set[str]:
    """The uuids whose facts say how to show these volumes: their own and their machines'."""
    return {uuid for volume in volumes for uuid in (volume.id, volume.virtualmachineid) if uuid}


async def find(
    cloudstack: Client, sidecar: Sidecar, owner: str, location: Location, wanted: str, *, of_machines: bool = True
) -> FoundDisk | None:
    """Find a disk of a zone by GCE name or numeric id: one call to CloudStack where the sidecar knows it.

    `of_machines` False skips boot disks that have only their machine's name, when no machine has this name.
    """
    zone = {"zoneid": location.id}

    async def of_name(name: str) -> list[FoundDisk]:
        if of_machines:
            return await named(cloudstack, sidecar, name, zone)
        similar = await search(cloudstack, sidecar, {"keyword": name, **zone})
        return [one for one in similar if one.name == name]

    return await finding.find(
        sidecar,
        owner,
        kind(location.id),
        wanted,
        search=lambda narrowed: search(cloudstack, sidecar, {**zone, **narrowed}),
        named=of_name,
    )


async def named(cloudstack: Client, sidecar: Sidecar, wanted: str, narrowed: Mapping[str, object]) -> list[FoundDisk]:
    """Find the disks of this GCE name, one in each zone at most: by their own name, and by their machine's.

    If none has this name, compare the shown names of all disks, since CloudStack does not know slugs and suffixes.
    """
    data, holders = await asyncio.gather(
        search(cloudstack, sidecar, {"keyword": wanted, **narrowed}),
        machines.named(cloudstack, sidecar, wanted, narrowed),
    )
    found = [one for one in data if one.name == wanted]
    for holder in holders:
        boot_disks = await search(cloudstack, sidecar, {"virtualmachineid": holder.machine.id, "type": ROOT})
        found += [one for one in boot_disks if one.name == wanted]
    if not found:
        found = [one for one in await search(cloudstack, sidecar, narrowed) if one.name == wanted]
    return list({one.volume.id: one for one in found}.values())


async def search(cloudstack: Client, sidecar: Sidecar, narrowed: Mapping[str, object]) -> list[FoundDisk]:
    """List disks with what the sidecar knows of them; `narrowed` are parameters of listVolumes."""
    listed = await cloudstack.list_all("listVolumes", Volume, {**machines.OWN, **narrowed})
    return await with_names([one for one in listed if one.shown], sidecar)


async def resolve_disk(reader: Reader, location: Location, text: str, field: str) -> FoundDisk:
    """Find the disk that a field of a body names. It must be in this zone; 404 where there is none."""
    return (await resolve_disks(reader, location, {field: text}))[field]


async def resolve_disks(reader: Reader, location: Location, references: Mapping[str, str]) -> dict[str, FoundDisk]:
    """Find the disks that fields of a body name, by field. Several cost one list of the zone, not a call each."""
    wanted = {field: _checked(reader, location, text, field) for field, text in references.items()}
    if len(wanted) == 1:  # the sidecar knows its uuid
        ((field, (name, path)),) = wanted.items()
        found = await find(reader.cloudstack, reader.sidecar, reader.owner_id, location, name)
        if found is None:
            raise Problem.not_found(path)
        return {field: found}
    listed = await search(reader.cloudstack, reader.sidecar, {"zoneid": location.id}) if wanted else []
    disks = {gce_id(one.uuid): one for one in listed} | {one.name: one for one in listed}
    for name, path in wanted.values():
        if name not in disks:
            raise Problem.not_found(path)
    return {field: disks[name] for field, (name, _) in wanted.items()}


def disk_name_in(reader: Reader, location: Location, text: str) -> str:
    """The name in a reference to a disk of this zone, which is not looked for; empty for any other reference."""
    return name_in(text, "disks", [f"zones/{name}" for name in location.names], project_names(reader))


def check_unused(reader: Reader, found: FoundDisk, location: Location) -> None:
    """400 where an instance has the disk, in Google's words."""
    if user := user_of(found.volume, found.facts):
        place = f"projects/{reader.project}/zones/{location.zone}"
        raise Problem.in_use(f"{place}/disks/{found.name}", f"{place}/instances/{user}")


async def with_names(volumes: Sequence[Volume], sidecar: Sidecar) -> list[FoundDisk]:
    """Name volumes that were listed together."""
    facts = await sidecar.facts(uuids(volumes))
    names = names_of(volumes, facts)
    return [FoundDisk(one, names[one.id], facts) for one in volumes]


def _checked(reader: Reader, location: Location, text: str, field: str) -> tuple[str, str]:
    """The name or id of the disk that a field names, and the path for a 404. It must be a disk of this zone."""
    reference = parse_reference(text)
    if not reference.can_be("disks") or (reference.scope and not reference.zone):
        raise Problem.invalid(field, f"'{text}'. Send zones/{location.zone}/disks/DISK.")
    if reference.zone and reference.zone not in location.names:
        raise Problem.invalid(field, f"'{text}'. The disk must be in zone '{location.zone}'.")
    project = project_of(reader, reference.project)
    path = f"projects/{project}/zones/{reference.zone or location.zone}/disks/{reference.name}"
    if project != reader.project:
        raise Problem.not_found(path)
    return reference.name, path


def _raw_name(volume: Volume, facts: Facts) -> str:
    if volume.type == ROOT and volume.virtualmachineid:
        return user_of(volume, facts)
    return volume.name
