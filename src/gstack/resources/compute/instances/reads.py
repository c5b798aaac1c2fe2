"""instances.get, list and aggregatedList: one CloudStack call for machines, one for their volumes, side by side."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from gstack.gateway.call import Call, serves
from gstack.gateway.listing import Fetch, Page, PageRequest, list_aggregated, list_items
from gstack.resources.compute.instances.lookup import located, wanted_machine
from gstack.resources.compute.instances.to_gce import Part, View, to_gce
from gstack.resources.inventory import machines, service_offerings, volumes
from gstack.resources.inventory import placements as backings
from gstack.resources.inventory.machines import Found, VirtualMachine
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import Location, Locations, locations


@serves("compute.instances.get")
async def get(call: Call) -> dict[str, Any]:
    location = await located(call)
    known = await machines.known_uuid(call.sidecar, call.owner_id, location, call.params["instance"])
    found, disks = await asyncio.gather(wanted_machine(call, location), _volumes_of(call, known))
    if found.machine.id != known:
        disks = await _volumes_of(call, found.machine.id)
    everywhere = await locations(call.cloudstack, call.settings.names)
    return (await render(call, everywhere, [found], disks))[0]


@serves("compute.instances.list")
async def list_(call: Call) -> dict[str, Any]:
    everywhere = await locations(call.cloudstack, call.settings.names)
    location = everywhere.zone(call.project, call.params["zone"])
    return await list_items(call, pages(call, everywhere, location))


@serves("compute.instances.aggregatedList")
async def aggregated_list(call: Call) -> dict[str, Any]:
    everywhere = await locations(call.cloudstack, call.settings.names)
    scopes = [f"zones/{location.zone}" for location in everywhere.all]
    return await list_aggregated(call, pages(call, everywhere, None), scopes)


def pages(call: Call, everywhere: Locations, location: Location | None) -> Fetch:
    """Pages of instances, of one zone or of all. A filter on the name alone is answered by CloudStack's search.

    The first page lists the volumes; the pages after it, asked for moments later, show the disks as they were then:
    CloudStack cannot list the volumes of a page of machines, and all volumes for every page would be too dear.
    """
    narrowed = {"zoneid": location.id} if location else {}
    its = {**machines.OWN, **narrowed}

    async def fetch(request: PageRequest) -> Page:
        if name := request.equals.get("name"):
            found = await machines.named(call.cloudstack, call.sidecar, name, narrowed)
            disks: Sequence[Volume] = await _volumes_of(
                call, found[0].machine.id if len(found) == 1 else "", narrowed if found else None
            )
            return Page(await render(call, everywhere, found, disks), last=True)
        (listed, count), disks = await asyncio.gather(
            _page(call, request, narrowed),
            call.cloudstack.reference("listVolumes", Volume, its, fresh=request.page == 1),
        )
        found = await machines.with_names([one for one in listed if one.shown], call.sidecar)
        last = not listed or request.page * request.size >= count
        return Page(await render(call, everywhere, found, disks), last, count)

    return fetch


async def render(
    call: Call, everywhere: Locations, found: Sequence[Found], disks: Sequence[Volume]
) -> list[dict[str, Any]]:
    """Show machines as Instances. `disks` may hold volumes of other machines too."""
    ids = {one.machine.id for one in found}
    parts = await _parts(call, [disk for disk in disks if disk.shown and disk.virtualmachineid in ids])
    networks = await backings.network_links(call, {nic.networkid for one in found for nic in one.machine.nic})
    known = await service_offerings.offerings(call.cloudstack) if found else None
    await call.sidecar.remember_ids([*ids, *(part.volume.id for its in parts.values() for part in its)])
    shown = []
    for one in found:
        location = everywhere.of_id(one.machine.zoneid)
        if location and known:
            kind = service_offerings.as_requested(_machine_type(one.machine, known), one.facts.get("machine_type", ""))
            view = View(one.machine, one.name, one.facts, parts[one.machine.id], location, kind, networks)
            shown.append(to_gce(view, call.link))
    return shown


def _machine_type(machine: VirtualMachine, known: service_offerings.Offerings) -> str:
    offering, name = machine.serviceofferingid, machine.serviceofferingname
    return service_offerings.name_of(offering, machine.cpunumber, machine.memory, known, name)


async def _parts(call: Call, disks: Sequence[Volume]) -> dict[str, list[Part]]:
    parts: dict[str, list[Part]] = defaultdict(list)
    for disk in await volumes.with_names(disks, call.sidecar):
        parts[disk.volume.virtualmachineid].append(Part(disk.volume, disk.name, disk.facts.get(disk.volume.id, {})))
    return parts


async def _page(call: Call, request: PageRequest, narrowed: dict[str, str]) -> tuple[list[VirtualMachine], int]:
    parameters = {**machines.OWN, "details": machines.DETAILS, **narrowed}
    return await call.cloudstack.page("listVirtualMachines", VirtualMachine, request.page, request.size, parameters)


async def _volumes_of(call: Call, machine_id: str | None, narrowed: dict[str, str] | None = None) -> list[Volume]:
    """The volumes of one machine; without one those that `narrowed` leaves, or none."""
    if machine_id:
        return await call.cloudstack.list_all("listVolumes", Volume, {**machines.OWN, "virtualmachineid": machine_id})
    return (
        [] if narrowed is None else await call.cloudstack.list_all("listVolumes", Volume, {**machines.OWN, **narrowed})
    )
