"""All reads of instances. A page costs one CloudStack call for machines and one for their volumes.

Nothing here refers to instances, so there are no referrers. A caller may do with an instance whatever CloudStack lets
its owner do. Guests cannot write attributes here, so guest attributes are a 404, as on GCE.
"""

import asyncio
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import Fetch, Page, PageRequest, in_memory, list_items, list_zonal
from gstack.resources.compute.instances.target import find_instance, find_machine
from gstack.resources.inventory import machines
from gstack.resources.inventory.instances import render
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import Location, Locations, locations_of


@serves("compute.instances.get")
async def get(call: Call) -> dict[str, Any]:
    """If the sidecar knows the machine's uuid, list its volumes at the same time."""
    zones = await locations_of(call)
    location = zones.zone(call.project, call.params["zone"])
    uuid = await machines.known_uuid(call.sidecar, call.owner_id, location, call.params["instance"])
    found, disks = await asyncio.gather(find_machine(call, location), _volumes_of(call, uuid))
    if found.machine.id != uuid:
        disks = await _volumes_of(call, found.machine.id)
    return (await render(call, call.link, zones, [found], disks))[0]


@serves("compute.instances.list", "compute.instances.aggregatedList")
async def list_(call: Call) -> dict[str, Any]:
    zones = await locations_of(call)
    location = zones.zone(call.project, call.params["zone"]) if "zone" in call.params else None
    return await list_zonal(call, pages(call, zones, location), [one.zone for one in zones.all])


@serves("compute.instances.listReferrers")
async def list_referrers(call: Call) -> dict[str, Any]:
    """An empty list, if the instance exists. `-` means all instances of the zone."""
    if call.params["instance"] != "-":
        await find_instance(call)
    return await list_items(call, in_memory([]))


@serves("compute.instances.testIamPermissions")
async def test_iam_permissions(call: Call) -> dict[str, Any]:
    """Return all permissions in the request that concern instances, if the instance exists."""
    await find_instance(call)
    return {"permissions": [one for one in call.body.get("permissions", []) if one.startswith("compute.instances.")]}


@serves("compute.instances.getGuestAttributes")
async def get_guest_attributes(call: Call) -> dict[str, Any]:
    """404 for every attribute."""
    await find_instance(call)
    path = str(call.params.get("queryPath") or call.params.get("variableKey") or "")
    text = f"The resource '{path}' of type 'Guest Attribute' was not found."
    raise Problem(404, "notFound", text, code="RESOURCE_NOT_FOUND")


def pages(call: Call, zones: Locations, location: Location | None) -> Fetch:
    """Pages of instances, of one zone or of all. CloudStack's own search answers a filter on the name alone.

    The first page lists the volumes, and the next pages, requested moments later, show the disks from that list.
    CloudStack cannot list only the volumes of a page of machines, and listing all for every page would cost too much.
    """
    narrowed = {"zoneid": location.id} if location else {}
    own = {**machines.OWN, **narrowed}

    async def fetch(request: PageRequest) -> Page:
        if name := request.equals.get("name"):
            found = await machines.named(call.cloudstack, call.sidecar, name, narrowed)
            if len(found) == 1:
                disks = await _volumes_of(call, found[0].machine.id)
            else:
                disks = await call.cloudstack.list_all("listVolumes", Volume, own) if found else []
            return Page(await render(call, call.link, zones, found, disks), last=True)
        details = {**own, "details": machines.DETAILS}
        (listed, count), remembered = await asyncio.gather(
            call.cloudstack.page("listVirtualMachines", VirtualMachine, request.page, request.size, details),
            call.cloudstack.reference("listVolumes", Volume, own, fresh=request.page == 1),
        )
        found = await machines.with_names([one for one in listed if one.shown], call.sidecar)
        last = not listed or request.page * request.size >= count
        return Page(await render(call, call.link, zones, found, remembered), last, count)

    return fetch


async def _volumes_of(call: Call, machine_id: str | None) -> list[Volume]:
    """The volumes of one machine; none if there is no machine."""
    if not machine_id:
        return []
    return await call.cloudstack.list_all("listVolumes", Volume, {**machines.OWN, "virtualmachineid": machine_id})
