"""images.get, list and getFromFamily, and imageFamilyViews.get: images <-> templates.

The caller's own project has the templates that are the caller's (templatefilter `self`), those that others share with
the caller, and the public ones whose OS belongs to none of Google's public image projects: nothing is out of reach.
The public image projects are views on the public templates (`executable`).

The family of the caller's own image is its tag; only other people's templates get one from their OS type. Terraform
wants an image's name to contain its family, so if the name of a public template does not, the family is put in front.
CloudStack's own names and numeric ids are accepted too. A family stands for its newest image, if possible one in the
zone in question. Images that the administrator featured come first, since any user may publish a template and call it
`debian-12`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.links import Links
from gstack.gateway.listing import in_memory, list_items
from gstack.resources.inventory.templates import Catalog, Image, catalog
from gstack.resources.inventory.zones import Locations, locations_of
from gstack.resources.shared import deprecation
from gstack.resources.shared.image_families import PUBLIC_PROJECTS
from gstack.resources.shared.naming import check_name, fingerprint, gce_id, tags_to_labels, timestamp_of
from gstack.resources.shared.present import present
from gstack.resources.shared.references import parse_reference

ARCHITECTURES = {"x86_64": "X86_64", "aarch64": "ARM64"}


def to_gce(
    image: Image, facts: Mapping[str, Any], everywhere: Locations, links: Links, link: Callable[[str], str]
) -> dict[str, Any]:
    """An Image. `facts` are the sidecar's; `link` makes a URL of a path in the project."""
    labels = tags_to_labels(image.tags)
    windows = [{"type": "WINDOWS"}] if image.family.startswith("windows") else []
    return present(
        {
            "kind": "compute#image",
            "id": gce_id(image.id),
            "name": image.name,
            "description": image.description,
            "family": image.family,
            "creationTimestamp": timestamp_of(image.created),
            "status": image.status,
            "sourceType": "RAW",
            "rawDisk": {"containerType": "TAR", "source": ""},
            **_source_to_gce(facts.get("source"), links, link),
            "archiveSizeBytes": str(image.archive_bytes),
            "diskSizeGb": str(facts.get("size_gb") or image.size_gb),
            "architecture": facts.get("architecture") or ARCHITECTURES.get(image.arch),
            "guestOsFeatures": facts.get("guest_os_features") or windows,
            "labels": labels,
            "labelFingerprint": fingerprint(labels),
            "licenses": facts.get("licenses"),
            "storageLocations": sorted(one.region for one in everywhere.all if one.id in image.zones),
            "selfLink": links.image(image.project, image.name),
            "deprecated": deprecation.to_gce(image.tags, _replacement(image, links)),
        }
    )


def _source_to_gce(source: Mapping[str, str] | None, links: Links, link: Callable[[str], str]) -> dict[str, str]:
    """`sourceDisk`, `sourceSnapshot` or `sourceImage` with the id, as they were when the image was created."""
    if not source:
        return {}
    reference = parse_reference(source["path"])
    is_image = reference.collection == "images"
    url = links.image(reference.project, reference.name) if is_image else link(source["path"])
    return {source["field"]: url, f"{source['field']}Id": source["id"]}


def _replacement(image: Image, links: Links) -> str:
    reference = parse_reference(deprecation.replacement_of(image.tags))
    return links.image(reference.project, reference.name) if reference.name else ""


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
    return await list_items(call, in_memory(await render(call, images)))


@serves("compute.images.getFromFamily", foreign=True)
async def get_from_family(call: Call) -> Any:
    return (await render(call, [await _newest(call, call.params["family"])]))[0]


@serves("compute.imageFamilyViews.get", foreign=True)
async def get_family_view(call: Call) -> Any:
    """Return the family's newest image that is ready in the zone, else its newest. gcloud asks in zone `-`."""
    image = await _newest(call, call.params["family"], call.params["zone"])
    return {"image": (await render(call, [image]))[0]}


async def _newest(call: Call, family: str, zone: str = "-") -> Image:
    """The newest image of a family in the call's project, preferably ready in `zone`; 404 if there is none."""
    zone_id = ""
    if zone != "-":
        zone_id = (await locations_of(call)).zone(call.project, zone).id
    image = (await images_of(call)).newest(call.project, family, zone_id)
    image = image or (await images_of(call, fresh=True)).newest(call.project, family, zone_id)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/family/{family}"))
    return image


async def render(call: Call, images: Sequence[Image]) -> list[dict[str, Any]]:
    """Show images, with what the sidecar has of the caller's own."""
    own = [image.id for image in images if image.own]
    everywhere, facts = await asyncio.gather(locations_of(call), call.sidecar.facts(own))
    return [to_gce(image, facts.get(image.id, {}), everywhere, call.links, call.link) for image in images]


async def images_of(call: Call, *, fresh: bool = False) -> Catalog:
    """The images that the caller sees. The project's own images are read anew, public ones only if `fresh`."""
    if call.owner is None and call.project not in PUBLIC_PROJECTS:
        raise Problem.not_found(f"projects/{call.project}")
    own = call.project if call.owner else ""
    return await catalog(call.cloudstack, own, fresh=fresh or own != "")


def check_family(body: Mapping[str, Any]) -> str:
    """The family of a body, empty where it has none; 400 where it is not a name."""
    return check_name("resource.family", body["family"]) if body.get("family") else ""


def not_yours(call: Call, action: str, name: str) -> Problem:
    """403 for an image of somebody else, in Google's words."""
    path = call.resource(f"global/images/{name}")
    return Problem.forbidden(f"Required 'compute.images.{action}' permission for '{path}'")
