"""regions: each CloudStack zone is one. Quotas are the owner's resource limits, the same in every region.

CloudStack limits an account or a project over all its zones, so each region shows the whole.
"""

import asyncio
from typing import Any

from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_items
from gstack.resources.inventory.quotas import Usage, region_quotas, usage_of
from gstack.resources.inventory.zones import CREATED, Location, locations_of


def to_gce(call: Call, location: Location, usage: Usage) -> dict[str, Any]:
    """A Region with its one zone."""
    return {
        "kind": "compute#region",
        "id": location.region_id,
        "name": location.region,
        "description": location.description,
        "creationTimestamp": CREATED,
        "status": "UP" if location.enabled else "DOWN",
        "zones": [call.link(f"zones/{location.zone}")],
        "quotas": region_quotas(usage),
        "selfLink": call.link(f"regions/{location.region}"),
    }


@serves("compute.regions.get")
async def get(call: Call) -> Any:
    everywhere = await locations_of(call)
    location = everywhere.region(call.project, call.params["region"])
    return to_gce(call, location, await usage_of(call))


@serves("compute.regions.list")
async def list_(call: Call) -> Any:
    everywhere, usage = await asyncio.gather(locations_of(call), usage_of(call))
    items = [to_gce(call, location, usage) for location in everywhere.all]
    return await list_items(call, in_memory(sorted(items, key=lambda item: str(item["name"]))))
