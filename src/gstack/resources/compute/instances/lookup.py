"""The instance that a URL means, and its disks: what reads and mutations begin with."""

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.to_gce import Part, ordered
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.machines import Found
from gstack.resources.inventory.zones import Location, locations


async def located(call: Call) -> Location:
    """The zone in the URL; 404 where there is none."""
    known = await locations(call.cloudstack, call.settings.names)
    return known.zone(call.project, call.params["zone"])


async def wanted_machine(call: Call, location: Location) -> Found:
    """The instance in the URL; 404 in Google's words."""
    name = call.params.get("instance") or call.params["resource"]  # Google calls it so or so
    found = await machines.find(call.cloudstack, call.sidecar, call.owner_id, location, name)
    if found is None:
        raise Problem.not_found(call.resource(f"zones/{call.params['zone']}/instances/{name}"))
    return found


async def parts_of(call: Call, machine_id: str) -> list[Part]:
    """The disks of a machine, in the order of Google's `index`."""
    found = await volumes.search(call.cloudstack, call.sidecar, {"virtualmachineid": machine_id})
    parts = [Part(one.volume, one.name, one.facts.get(one.volume.id, {})) for one in found]
    return ordered(parts)
