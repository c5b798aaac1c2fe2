"""images <-> templates.

The caller's own project has the templates that are the caller's (templatefilter `self`), those that others share with
the caller, and the public ones whose OS belongs to none of Google's public image projects: nothing is out of reach.
The public image projects are views on the public templates (`executable`).

Only others' templates get a family from their OS type: an own image has the family that its tag says. Terraform wants
an image's name to contain its family, so a public template that does not show it gets it in front; CloudStack's own
names and numeric ids are accepted too. A family is its newest image, in the zone in question where there is one; images
that the administrator featured come before all others, since any user may publish a template and call it `debian-12`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, Links, serves
from gstack.gateway.listing import list_items, whole
from gstack.resources.inventory.templates import Catalog, Image, catalog
from gstack.resources.inventory.zones import Locations, locations
from gstack.resources.shared import deprecation
from gstack.resources.shared.image_families import PUBLIC_PROJECTS
from gstack.resources.shared.naming import fingerprint, gce_id, tags_to_labels, timestamp_of
from gstack.resources.shared.references import parse_reference

ARCHITECTURES = {"x86_64": "X86_64", "aarch64": "ARM64"}


def to_gce(call: Call, image: Image, facts: Mapping[str, Any], everywhere: Locations) -> dict[str, Any]:
    """An Image. Links to images are always at Google's host; `facts` are the sidecar's."""
    labels = tags_to_labels(image.tags)
    shown = {
        "kind": "compute#image",
        "id": gce_id(image.id),
        "name": image.name,
        "description": image.description,
        "family": image.family,
        "creationTimestamp": timestamp_of(image.created),
        "status": image.status,
        "sourceType": "RAW",
        "rawDisk": {"containerType": "TAR", "source": ""},
        **_source(call, facts.get("source")),
        "archiveSizeBytes": str(image.archive_bytes),
        "diskSizeGb": str(facts.get("size_gb") or image.size_gb),
        "architecture": ARCHITECTURES.get(image.arch, ""),
        "guestOsFeatures": facts.get("guest_os_features") or _features(image),
        "labels": labels,
        "labelFingerprint": fingerprint(labels),
        "licenses": facts.get("licenses", []),
        "storageLocations": _regions(image, everywhere),
        "selfLink": Links.image(image.project, image.name),
    }
    if deprecated := deprecation.to_gce(image.tags, _replacement(image)):
        shown["deprecated"] = deprecated
    return {key: value for key, value in shown.items() if value != ""}


def _source(call: Call, known: Mapping[str, str] | None) -> dict[str, str]:
    """`sourceDisk`, `sourceSnapshot` or `sourceImage` with its id, as they were when the image was made."""
    if not known:
        return {}
    told = parse_reference(known["path"])
    url = Links.image(told.project, told.name) if told.collection == "images" else call.link(known["path"])
    return {known["field"]: url, f"{known['field']}Id": known["id"]}


def _features(image: Image) -> list[dict[str, str]]:
    return [{"type": "WINDOWS"}] if image.family.startswith("windows") else []


def _regions(image: Image, everywhere: Locations) -> list[str]:
    return sorted(location.region for location in everywhere.all if location.id in image.zones)


def _replacement(image: Image) -> str:
    told = parse_reference(deprecation.replacement_of(image.tags))
    return Links.image(told.project, told.name) if told.name else ""


@serves("compute.images.get", foreign=True)
async def get(call: Call) -> Any:
    name = call.params["image"]
    image = (await images_of(call)).named(call.project, name)
    image = image or (await images_of(call, fresh=True)).named(call.project, name)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/{name}"))
    return (await render(call, [image]))[0]


@serves("compute.images.list", foreign=True)
async def list_(call: Call) -> Any:
    images = (await images_of(call)).of_project(call.project)
    return await list_items(call, whole(await render(call, images)))


@serves("compute.images.getFromFamily", foreign=True)
async def get_from_family(call: Call) -> Any:
    return (await render(call, [await newest(call, call.params["family"])]))[0]


async def newest(call: Call, family: str, zone: str = "-") -> Image:
    """The newest image of a family of the call's project; one that is ready in `zone` first. 404 where none is."""
    zone_id = ""
    if zone != "-":
        zone_id = (await locations(call.cloudstack, call.settings.names)).zone(call.project, zone).id
    image = (await images_of(call)).newest(call.project, family, zone_id)
    image = image or (await images_of(call, fresh=True)).newest(call.project, family, zone_id)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/family/{family}"))
    return image


async def render(call: Call, images: Sequence[Image]) -> list[dict[str, Any]]:
    """Show images, with what the sidecar knows of the caller's own."""
    own = [image.id for image in images if image.own]
    everywhere, facts = await asyncio.gather(locations(call.cloudstack, call.settings.names), call.sidecar.facts(own))
    return [to_gce(call, image, facts.get(image.id, {}), everywhere) for image in images]


async def images_of(call: Call, *, fresh: bool = False) -> Catalog:
    """The images that the caller sees: those of the own project as they are, public ones remembered unless `fresh`."""
    if call.owner is None and call.project not in PUBLIC_PROJECTS:
        raise Problem.not_found(f"projects/{call.project}")
    own = call.project if call.owner else ""
    return await catalog(call.cloudstack, own, fresh=fresh or own != "")
