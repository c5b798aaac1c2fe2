"""images <-> templates.

The caller's own project has the templates that are the caller's (templatefilter `self`), those that others share with
the caller, and the public ones whose OS belongs to none of Google's public image projects: nothing is out of reach.
The public image projects are views on the public templates (`executable`).

Only others' templates get a family from their OS type: an own image has the family that its tag says. Terraform wants
an image's name to contain its family, so a public template that does not show it gets it in front; CloudStack's own
names and numeric ids are accepted too. A family is its newest image, in the zone in question where there is one; images
that the administrator featured come before all others, since any user may publish a template and call it `debian-12`.
"""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, Links, serves
from gstack.gateway.listing import list_items, whole
from gstack.resources.image_families import PUBLIC_PROJECTS
from gstack.resources.locations import locations
from gstack.resources.naming import fingerprint, gce_id, tags_to_labels, timestamp_of
from gstack.resources.templates import Catalog, Image, catalog

_ARCHITECTURES = {"x86_64": "X86_64", "aarch64": "ARM64"}


def to_gce(image: Image) -> dict[str, Any]:
    """An Image. Its links are always at Google's host (clients.md R1)."""
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
        "archiveSizeBytes": str(image.archive_bytes),
        "diskSizeGb": str(image.size_gb),
        "architecture": _ARCHITECTURES.get(image.arch, ""),
        "guestOsFeatures": [{"type": "WINDOWS"}] if image.family.startswith("windows") else [],
        "labels": labels,
        "labelFingerprint": fingerprint(labels),
        "licenses": [],
        "selfLink": Links.image(image.project, image.name),
    }
    return {key: value for key, value in shown.items() if value != ""}


@serves("compute.images.get", foreign=True)
async def get(call: Call) -> Any:
    name = call.params["image"]
    image = (await _catalog(call)).named(call.project, name)
    image = image or (await _catalog(call, fresh=True)).named(call.project, name)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/{name}"))
    return to_gce(image)


@serves("compute.images.list", foreign=True)
async def list_(call: Call) -> Any:
    images = (await _catalog(call)).of_project(call.project)
    return await list_items(call, whole(to_gce(image) for image in images))


@serves("compute.images.getFromFamily", foreign=True)
async def get_from_family(call: Call) -> Any:
    return to_gce(await newest(call, call.params["family"]))


async def newest(call: Call, family: str, zone: str = "-") -> Image:
    """The newest image of a family of the call's project; one that is ready in `zone` first. 404 where none is."""
    zone_id = ""
    if zone != "-":
        zone_id = (await locations(call.cloudstack, call.settings.names)).zone(call.project, zone).id
    image = (await _catalog(call)).newest(call.project, family, zone_id)
    image = image or (await _catalog(call, fresh=True)).newest(call.project, family, zone_id)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/family/{family}"))
    return image


async def _catalog(call: Call, *, fresh: bool = False) -> Catalog:
    if call.owner is None and call.project not in PUBLIC_PROJECTS:
        raise Problem.not_found(f"projects/{call.project}")
    return await catalog(call.cloudstack, call.project if call.owner else "", fresh=fresh)
