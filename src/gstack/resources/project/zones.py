"""zones: CloudStack's zones. inventory/zones.py gives them their names, aliases and regions."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_items
from gstack.resources.inventory.zones import CREATED, Location, locations_of
from gstack.resources.shared.naming import gce_id


def to_gce(call: Call, location: Location) -> dict[str, Any]:
    """A Zone. Its `id` is the hash of the CloudStack zone's uuid."""
    return {
        "kind": "compute#zone",
        "id": gce_id(location.id),
        "name": location.zone,
        "description": location.description,
        "creationTimestamp": CREATED,
        "status": "UP" if location.enabled else "DOWN",
        "region": call.link(f"regions/{location.region}"),
        "selfLink": call.link(f"zones/{location.zone}"),
    }


@serves("compute.zones.get")
async def get(call: Call) -> Any:
    everywhere = await locations_of(call)
    return to_gce(call, everywhere.zone(call.project, call.params["zone"]))


@serves("compute.zones.list")
async def list_(call: Call) -> Any:
    everywhere = await locations_of(call)
    return await list_items(call, in_memory(to_gce(call, location) for location in everywhere.all))
