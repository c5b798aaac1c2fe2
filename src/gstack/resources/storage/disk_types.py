"""diskTypes <-> disk offerings, in each zone that has them, under the names of inventory/disk_offerings.py."""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_zonal
from gstack.resources.inventory.disk_offerings import DiskBounds, DiskOffering, disk_offerings, type_id
from gstack.resources.inventory.zones import Location, locations_of, zone_of
from gstack.resources.shared.naming import timestamp_of
from gstack.resources.shared.present import present

DESCRIPTIONS = {
    "pd-standard": "Standard Persistent Disk",
    "pd-balanced": "Balanced Persistent Disk",
    "pd-ssd": "SSD Persistent Disk",
}


def to_gce(call: Call, location: Location, kind: str, offering: DiskOffering, bounds: DiskBounds) -> Any:
    """A DiskType in one zone. Google's `validDiskSize` is a range, `10GB-65536GB`."""
    low, high = bounds.customdiskofferingminsize, bounds.customdiskofferingmaxsize
    sizes = (low, high) if offering.iscustomized else (offering.disksize, offering.disksize)
    default = bounds.default_size(kind) if offering.iscustomized else offering.disksize
    return present(
        {
            "kind": "compute#diskType",
            "id": type_id(kind, offering),
            "name": kind,
            "description": DESCRIPTIONS.get(kind, offering.displaytext or offering.name),
            "creationTimestamp": timestamp_of(offering.created),
            "defaultDiskSizeGb": str(default),
            "validDiskSize": f"{sizes[0]}GB-{sizes[1]}GB",
            "zone": call.link(f"zones/{location.zone}"),
            "selfLink": call.link(f"zones/{location.zone}/diskTypes/{kind}"),
        }
    )


@serves("compute.diskTypes.get")
async def get(call: Call) -> Any:
    location = await zone_of(call, call.params["zone"])
    disk_types = await disk_offerings(call.cloudstack, call.settings.names)
    found = disk_types.named(call.params["diskType"], location.id)
    if found is None:
        raise Problem.not_found(call.resource(f"zones/{location.zone}/diskTypes/{call.params['diskType']}"))
    return to_gce(call, location, *found, disk_types.bounds)


@serves("compute.diskTypes.list", "compute.diskTypes.aggregatedList")
async def list_(call: Call) -> Any:
    everywhere = await locations_of(call)
    disk_types = await disk_offerings(call.cloudstack, call.settings.names)
    chosen = [everywhere.zone(call.project, call.params["zone"])] if "zone" in call.params else everywhere.all
    items = [
        to_gce(call, location, kind, offering, disk_types.bounds)
        for location in chosen
        for kind, offering in sorted(disk_types.types.items())
        if offering.offered_in(location.id)
    ]
    return await list_zonal(call, in_memory(items), [location.zone for location in everywhere.all])
