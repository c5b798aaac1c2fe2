"""disks <-> volumes: get, list, aggregatedList and testIamPermissions.

Names are those of the volumes room. A root volume has no disk offering: its type is the one it was asked for with,
else `pd-standard`. `sourceImage` is the image as it was named when the disk was made, since templates are renamed and
families move on; for disks that were made in CloudStack it is the template as it is called now. A disk that was made
of a snapshot or of another disk shows that, and no image.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.config import NameSettings
from gstack.gateway.call import Call, Links, serves
from gstack.gateway.listing import Batch, Fetch, Window, list_aggregated, list_items
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.disk_offerings import PERSISTENT, DiskBounds, DiskOffering, DiskOfferings
from gstack.resources.inventory.templates import Catalog, catalog
from gstack.resources.inventory.volumes import FoundDisk, Volume
from gstack.resources.inventory.zones import Location, Locations, locations
from gstack.resources.shared.naming import fingerprint, gce_id, tags_to_labels, timestamp_of
from gstack.resources.storage.disks.lookup import wanted_disk

BLOCK_BYTES = "4096"
_SOURCES = frozenset({"image", "source"})  # facts: what a disk was made of
STATUSES = {
    "Ready": "READY",
    "Allocated": "READY",  # CloudStack makes a data volume on storage when it is first attached
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


class View(msgspec.Struct, frozen=True):
    """All that one Disk is shown from. `kind` is its type's name, `image` the URL of its image or empty."""

    disk: FoundDisk
    location: Location
    kind: str
    image: str


def to_gce(view: View, link: Callable[[str], str]) -> dict[str, Any]:
    """Show a volume as Google's Disk; `link` makes a URL of a path relative to the project."""
    volume, place = view.disk.volume, f"zones/{view.location.zone}"
    facts = view.disk.facts.get(volume.id, {})
    user = volumes.user_of(volume, view.disk.facts)
    labels = tags_to_labels(volume.tags)
    shown = {
        "id": gce_id(volume.id),
        "name": view.disk.name,
        "description": facts.get("description", ""),
        "creationTimestamp": timestamp_of(volume.created),
        "sizeGb": str(volume.gigabytes),
        "zone": link(place),
        "status": STATUSES.get(volume.state, "CREATING"),
        "selfLink": link(f"{place}/disks/{view.disk.name}"),
        "type": link(f"{place}/diskTypes/{view.kind}"),
        "sourceImage": view.image,
        "sourceImageId": gce_id(volume.templateid) if view.image else "",
        "users": [link(f"{place}/instances/{user}")] if user else [],
        "labels": labels,
        "labelFingerprint": fingerprint(labels),
        "physicalBlockSizeBytes": BLOCK_BYTES,
        **source_to_gce(facts.get("source", {}), link),
        **facts.get("kept", {}),
        "lastAttachTimestamp": volumes.last_attach(volume, facts),
        "lastDetachTimestamp": facts.get("last_detach", ""),
    }
    return {name: value for name, value in shown.items() if value not in ("", [], {})}


def source_to_gce(source: Mapping[str, str], link: Callable[[str], str]) -> dict[str, str]:
    """`sourceSnapshot` or `sourceDisk` with its id, of the fact {"field", "path", "id"}."""
    if not source:
        return {}
    return {source["field"]: link(source["path"]), f"{source['field']}Id": source["id"]}


@serves("compute.disks.get")
async def get(call: Call) -> dict[str, Any]:
    found, _ = await wanted_disk(call, call.params["disk"])
    everywhere = await locations(call.cloudstack, call.settings.names)
    return (await render(call, everywhere, [found]))[0]


@serves("compute.disks.testIamPermissions")
async def test_iam_permissions(call: Call) -> dict[str, Any]:
    """The caller may do with a disk what CloudStack lets its owner do: all that is asked, if the disk is there."""
    await wanted_disk(call, call.params["resource"])
    return {"permissions": [one for one in call.body.get("permissions", []) if one.startswith("compute.disks.")]}


@serves("compute.disks.list")
async def list_(call: Call) -> dict[str, Any]:
    everywhere = await locations(call.cloudstack, call.settings.names)
    location = everywhere.zone(call.project, call.params["zone"])
    return await list_items(call, pages(call, everywhere, location))


@serves("compute.disks.aggregatedList")
async def aggregated_list(call: Call) -> dict[str, Any]:
    everywhere = await locations(call.cloudstack, call.settings.names)
    scopes = [f"zones/{location.zone}" for location in everywhere.all]
    return await list_aggregated(call, pages(call, everywhere, None), scopes)


def pages(call: Call, everywhere: Locations, location: Location | None) -> Fetch:
    """Pages of disks, of one zone or of all: one CloudStack call each."""
    narrowed = {"zoneid": location.id} if location else {}
    parameters = {**machines.OWN, **narrowed}

    async def fetch(window: Window) -> Batch:
        if name := window.equals.get("name"):
            named = await volumes.named(call.cloudstack, call.sidecar, name, narrowed)
            return Batch(await render(call, everywhere, named), last=True)
        listed, count = await call.cloudstack.page("listVolumes", Volume, window.page, window.size, parameters)
        found = await volumes.with_names([one for one in listed if one.shown], call.sidecar)
        last = not listed or window.page * window.size >= count
        return Batch(await render(call, everywhere, found), last, count)

    return fetch


async def render(call: Call, everywhere: Locations, found: Sequence[FoundDisk]) -> list[dict[str, Any]]:
    """Show volumes as Disks."""
    if not found:
        return []
    offerings, images = await asyncio.gather(_offerings(call), _images(call, found))
    await call.sidecar.remember_ids([one.volume.id for one in found])
    shown = []
    for one in found:
        if location := everywhere.of_id(one.volume.zoneid):
            facts = one.facts.get(one.volume.id, {})
            view = View(one, location, kind_of(one.volume, facts, offerings), _image(one.volume, facts, images))
            shown.append(to_gce(view, call.link))
    return shown


async def _offerings(call: Call) -> DiskOfferings:
    """The disk types' names. The bounds of their sizes play no part here and would cost a call."""
    names: NameSettings = call.settings.names
    return DiskOfferings(await call.cloudstack.reference("listDiskOfferings", DiskOffering), names, DiskBounds())


async def _images(call: Call, found: Sequence[FoundDisk]) -> Catalog | None:
    """The images, where a disk is from one and nobody wrote down from which."""
    unknown = any(one.volume.templateid and not _SOURCES & one.facts.get(one.volume.id, {}).keys() for one in found)
    return await catalog(call.cloudstack, call.project) if unknown else None


def kind_of(volume: Volume, facts: Mapping[str, Any], offerings: DiskOfferings) -> str:
    """The name of a disk's type: the one it was asked for with, else that of its offering."""
    if kind := facts.get("type"):
        return str(kind)
    return offerings.name_of(volume.diskofferingid) if volume.diskofferingid else PERSISTENT[0]


def _image(volume: Volume, facts: Mapping[str, Any], images: Catalog | None) -> str:
    if known := facts.get("image"):
        return Links.image(known["project"], known["name"])
    if not volume.templateid or images is None or "source" in facts:
        return ""
    return images.link(volume.templateid, volume.templatename)
