"""The disk that a URL or a body means: what reads and mutations begin with."""

from collections.abc import Mapping

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Target
from gstack.resources.inventory import volumes
from gstack.resources.inventory.accounts import meant, own_names
from gstack.resources.inventory.volumes import FoundDisk
from gstack.resources.inventory.zones import Location, locations
from gstack.resources.shared.naming import gce_id
from gstack.resources.shared.references import name_in, parse_reference


async def wanted_disk(call: Call, name: str) -> tuple[FoundDisk, Location]:
    """The disk of this name or id in the zone of the URL; 404 in Google's words."""
    known = await locations(call.cloudstack, call.settings.names)
    location = known.zone(call.project, call.params["zone"])
    return await disk_in(call, location, name, call.resource(f"zones/{call.params['zone']}/disks/{name}")), location


async def disk_in(call: Call, location: Location, name: str, path: str) -> FoundDisk:
    """The disk of this name or id in a zone; `path` is what a 404 names."""
    found = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, name)
    if found is None:
        raise Problem.not_found(path)
    return found


async def disk_named(call: Call, location: Location, text: str, field: str) -> FoundDisk:
    """The disk that a field of a body names, which must be in this zone."""
    name, path = _named_here(call, location, text, field)
    return await disk_in(call, location, name, path)


async def disks_named(call: Call, location: Location, asked: Mapping[str, str]) -> dict[str, FoundDisk]:
    """The disks that fields of a body name, by field: several cost one list of the zone, not a call each."""
    if len(asked) < 2:  # noqa: PLR2004  # one: the sidecar knows its uuid
        return {field: await disk_named(call, location, text, field) for field, text in asked.items()}
    wanted = {field: _named_here(call, location, text, field) for field, text in asked.items()}
    listed = await volumes.search(call.cloudstack, call.sidecar, {"zoneid": location.id})
    known = {gce_id(one.volume.id): one for one in listed} | {one.name: one for one in listed}
    for name, path in wanted.values():
        if name not in known:
            raise Problem.not_found(path)
    return {field: known[name] for field, (name, _) in wanted.items()}


def _named_here(call: Call, location: Location, text: str, field: str) -> tuple[str, str]:
    """The name or id of a disk of this zone that a field names, and the path that a 404 would name."""
    told = parse_reference(text)
    if not told.can_be("disks") or (told.scope and not told.zone):
        raise Problem.invalid(field, f"'{text}'. Send zones/{location.zone}/disks/DISK.")
    if told.zone and told.zone not in location.names:
        raise Problem.invalid(field, f"'{text}'. The disk must be in zone '{location.zone}'.")
    project = meant(call, told.project)
    path = f"projects/{project}/zones/{told.zone or location.zone}/disks/{told.name}"
    if project != call.project:
        raise Problem.not_found(path)
    return told.name, path


def disk_meant(call: Call, location: Location, text: str) -> str:
    """The name of the disk that a body means, without looking for it; empty where it can be none of this zone."""
    return name_in(text, "disks", [f"zones/{name}" for name in location.names], own_names(call))


def target_of(found: FoundDisk, location: Location) -> Target:
    """What an operation on this disk is about."""
    return Target(f"zones/{location.zone}", "disks", found.name, gce_id(found.volume.id))


def check_idle(call: Call, found: FoundDisk, location: Location) -> None:
    """400 where an instance has the disk, in Google's words."""
    if user := volumes.user_of(found.volume, found.facts):
        place = call.resource(f"zones/{location.zone}")
        raise Problem.in_use(f"{place}/disks/{found.name}", f"{place}/instances/{user}")
