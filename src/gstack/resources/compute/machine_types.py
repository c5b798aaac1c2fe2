"""machineTypes: service offerings of fixed size are listed, custom types are answered by name.

inventory/service_offerings.py says which offering stands for which type.
"""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_aggregated, list_items
from gstack.resources.inventory.service_offerings import (
    CustomSize,
    Offerings,
    ServiceOffering,
    custom_size,
    customisable_of,
    offerings,
)
from gstack.resources.inventory.zones import Location, locations_of, zone_of
from gstack.resources.shared.naming import gce_id, timestamp_of

SHARED_CPU = {"f1-micro", "g1-small", "e2-micro", "e2-small", "e2-medium"}  # Google's types that share a core


def to_gce(call: Call, location: Location, offering: ServiceOffering, name: str, size: CustomSize | None = None) -> Any:
    """A MachineType in one zone."""
    place = f"zones/{location.zone}"
    shown = {
        "kind": "compute#machineType",
        "id": gce_id(f"{offering.id} {name}" if size else offering.id),
        "name": name,
        "description": offering.displaytext or offering.name,
        "creationTimestamp": timestamp_of(offering.created),
        "guestCpus": size.cpus if size else offering.cpunumber,
        "memoryMb": size.memory_mb if size else offering.memory,
        "isSharedCpu": name in SHARED_CPU,
        "zone": location.zone,
        "selfLink": call.link(f"{place}/machineTypes/{name}"),
    }
    return {key: value for key, value in shown.items() if value != ""}


@serves("compute.machineTypes.get")
async def get(call: Call) -> Any:
    location = await zone_of(call, call.params["zone"])
    name = call.params["machineType"]
    service_offerings = await offerings(call.cloudstack)
    if fixed := service_offerings.fixed_named(name, location.id):
        return to_gce(call, location, fixed, service_offerings.names[fixed.id])
    size = custom_size(name)
    if size is None:
        raise Problem.not_found(call.resource(f"zones/{location.zone}/machineTypes/{name}"))
    return to_gce(call, location, customisable_of(service_offerings, size, "machineType", location.id), name, size)


@serves("compute.machineTypes.list")
async def list_(call: Call) -> Any:
    location = await zone_of(call, call.params["zone"])
    return await list_items(call, in_memory(_in_zone(call, location, await offerings(call.cloudstack))))


@serves("compute.machineTypes.aggregatedList")
async def aggregated_list(call: Call) -> Any:
    everywhere = (await locations_of(call)).all
    service_offerings = await offerings(call.cloudstack)
    items = [item for location in everywhere for item in _in_zone(call, location, service_offerings)]
    return await list_aggregated(call, in_memory(items), [f"zones/{location.zone}" for location in everywhere])


def _in_zone(call: Call, location: Location, service_offerings: Offerings) -> list[Any]:
    usable = (offering for offering in service_offerings.fixed if offering.offered_in(location.id))
    shown = (to_gce(call, location, offering, service_offerings.names[offering.id]) for offering in usable)
    return sorted(shown, key=lambda item: str(item["name"]))
