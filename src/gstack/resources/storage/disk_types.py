"""diskTypes: the disk offerings of each zone, under the names that inventory/disk_offerings.py gives them."""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import list_aggregated, list_items, whole
from gstack.resources.inventory.disk_offerings import DiskBounds, DiskOffering, DiskOfferings, disk_offerings, type_id
from gstack.resources.inventory.zones import Location, locations
from gstack.resources.shared.naming import timestamp_of

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
    shown = {
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
    return {key: value for key, value in shown.items() if value != ""}


@serves("compute.diskTypes.get")
async def get(call: Call) -> Any:
    location = (await locations(call.cloudstack, call.settings.names)).zone(call.project, call.params["zone"])
    known = await disk_offerings(call.cloudstack, call.settings.names)
    found = known.named(call.params["diskType"], location.id)
    if found is None:
        raise Problem.not_found(call.resource(f"zones/{location.zone}/diskTypes/{call.params['diskType']}"))
    return to_gce(call, location, *found, known.bounds)


@serves("compute.diskTypes.list")
async def list_(call: Call) -> Any:
    location = (await locations(call.cloudstack, call.settings.names)).zone(call.project, call.params["zone"])
    known = await disk_offerings(call.cloudstack, call.settings.names)
    return await list_items(call, whole(_in_zone(call, location, known)))


@serves("compute.diskTypes.aggregatedList")
async def aggregated_list(call: Call) -> Any:
    everywhere = (await locations(call.cloudstack, call.settings.names)).all
    known = await disk_offerings(call.cloudstack, call.settings.names)
    items = [item for location in everywhere for item in _in_zone(call, location, known)]
    return await list_aggregated(call, whole(items), [f"zones/{location.zone}" for location in everywhere])


def _in_zone(call: Call, location: Location, known: DiskOfferings) -> list[Any]:
    usable = ((kind, each) for kind, each in sorted(known.types.items()) if each.offered_in(location.id))
    return [to_gce(call, location, kind, offering, known.bounds) for kind, offering in usable]
