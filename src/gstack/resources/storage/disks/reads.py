"""disks.get, list, aggregatedList and testIamPermissions: disks <-> volumes.

A root volume has no disk offering, so its type is the one that the request named, else `pd-standard`. `sourceImage` is
the image under its name at the time when the disk was created, since templates are renamed and families move on. For a
disk that was created in CloudStack, it is the template under its present name. A disk that came from a snapshot or from
another disk shows that source, and no image.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import Fetch, Page, PageRequest, list_zonal
from gstack.operations.model import Target
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.disk_offerings import DiskBounds, DiskOffering, DiskOfferings
from gstack.resources.inventory.disks import image_of, images_of, type_of
from gstack.resources.inventory.volumes import FoundDisk, Volume
from gstack.resources.inventory.zones import Location, Locations, locations_of
from gstack.resources.shared.naming import fingerprint, gce_id, tags_to_labels, timestamp_of
from gstack.resources.shared.present import present

BLOCK_BYTES = "4096"
STATUSES = {
    "Ready": "READY",
    "Allocated": "READY",  # CloudStack puts a data volume on storage when it is first attached
    "Attaching": "READY",
    "Migrating": "READY",
    "Resizing": "READY",
    "Snapshotting": "READY",
    "BackingUp": "READY",
    "RevertSnapshotting": "RESTORING",
    "UploadError": "FAILED",
    "UploadAbandoned": "FAILED",
    "Error": "FAILED",
}


def to_gce(
    disk: FoundDisk, location: Location, disk_type: str, image: str, link: Callable[[str], str]
) -> dict[str, Any]:
    """Show a volume as a Disk. `image` is a URL or empty; `link` makes a URL of a path relative to the project."""
    volume, place, facts = disk.volume, f"zones/{location.zone}", disk.own_facts
    user = volumes.user_of(volume, disk.facts)
    labels = tags_to_labels(volume.tags)
    return present(
        {
            "id": gce_id(volume.id),
            "name": disk.name,
            "description": facts.get("description"),
            "creationTimestamp": timestamp_of(volume.created),
            "sizeGb": str(volume.gigabytes),
            "zone": link(place),
            "status": STATUSES.get(volume.state, "CREATING"),
            "selfLink": link(f"{place}/disks/{disk.name}"),
            "type": link(f"{place}/diskTypes/{disk_type}"),
            "sourceImage": image,
            "sourceImageId": gce_id(volume.templateid) if image else "",
            "users": [link(f"{place}/instances/{user}")] if user else [],
            "labels": labels,
            "labelFingerprint": fingerprint(labels),
            "physicalBlockSizeBytes": BLOCK_BYTES,
            **source_to_gce(facts.get("source", {}), link),
            **facts.get("kept", {}),
            "lastAttachTimestamp": volumes.last_attach(volume, facts),
            "lastDetachTimestamp": facts.get("last_detach"),
        }
    )


def source_to_gce(source: Mapping[str, str], link: Callable[[str], str]) -> dict[str, str]:
    """`sourceSnapshot` or `sourceDisk` with its id, of the fact {"field", "path", "id"}."""
    if not source:
        return {}
    return {source["field"]: link(source["path"]), f"{source['field']}Id": source["id"]}


@serves("compute.disks.get")
async def get(call: Call) -> dict[str, Any]:
    disk, _ = await find_disk(call, call.params["disk"])
    return (await render(call, await locations_of(call), [disk]))[0]


@serves("compute.disks.testIamPermissions")
async def test_iam_permissions(call: Call) -> dict[str, Any]:
    """Grant the owner of a disk every permission on disks that the request names: CloudStack decides at the call."""
    await find_disk(call, call.params["resource"])
    return {"permissions": [one for one in call.body.get("permissions", []) if one.startswith("compute.disks.")]}


@serves("compute.disks.list", "compute.disks.aggregatedList")
async def list_(call: Call) -> dict[str, Any]:
    everywhere = await locations_of(call)
    location = everywhere.zone(call.project, call.params["zone"]) if "zone" in call.params else None
    return await list_zonal(call, pages(call, everywhere, location), [one.zone for one in everywhere.all])


def pages(call: Call, everywhere: Locations, location: Location | None) -> Fetch:
    """Pages of disks, of one zone or of all: one CloudStack call each."""
    narrowed = {"zoneid": location.id} if location else {}
    parameters = {**machines.OWN, **narrowed}

    async def fetch(request: PageRequest) -> Page:
        if name := request.equals.get("name"):
            named = await volumes.named(call.cloudstack, call.sidecar, name, narrowed)
            return Page(await render(call, everywhere, named), last=True)
        listed, count = await call.cloudstack.page("listVolumes", Volume, request.page, request.size, parameters)
        found = await volumes.with_names([one for one in listed if one.shown], call.sidecar)
        last = not listed or request.page * request.size >= count
        return Page(await render(call, everywhere, found), last, count)

    return fetch


async def render(call: Call, everywhere: Locations, found: Sequence[FoundDisk]) -> list[dict[str, Any]]:
    """Show volumes as Disks."""
    if not found:
        return []
    listed, images = await asyncio.gather(
        call.cloudstack.reference("listDiskOfferings", DiskOffering), images_of(call, found)
    )
    # Only the names of disk types are needed here. The bounds of their sizes would cost another call.
    disk_types = DiskOfferings(listed, call.settings.names, DiskBounds())
    await call.sidecar.remember_ids([one.uuid for one in found])
    shown = []
    for one in found:
        if location := everywhere.of_id(one.volume.zoneid):
            disk_type = type_of(one, disk_types)
            image = image_of(one, images)
            image_link = call.links.image(*image) if image else ""
            shown.append(to_gce(one, location, disk_type, image_link, call.link))
    return shown


async def find_disk(call: Call, name: str) -> tuple[FoundDisk, Location]:
    """The disk of this name or id in the zone of the URL; 404 in Google's words."""
    zone = call.params["zone"]
    location = (await locations_of(call)).zone(call.project, zone)
    disk = await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, name)
    if disk is None:
        raise Problem.not_found(call.resource(f"zones/{zone}/disks/{name}"))
    return disk, location


def target_of(disk: FoundDisk, location: Location) -> Target:
    """The target of an operation on this disk."""
    return Target(f"zones/{location.zone}", "disks", disk.name, gce_id(disk.uuid))
