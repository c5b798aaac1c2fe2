"""The disk that a URL or a body means: what reads and mutations begin with."""

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Target
from gstack.resources.inventory import volumes
from gstack.resources.inventory.volumes import FoundDisk
from gstack.resources.inventory.zones import Location, locations
from gstack.resources.shared.naming import gce_id


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


def target_of(found: FoundDisk, location: Location) -> Target:
    """What an operation on this disk is about."""
    return Target(f"zones/{location.zone}", "disks", found.name, gce_id(found.volume.id))
