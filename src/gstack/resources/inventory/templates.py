"""The templates that a caller sees, as Google's images: with names, families and projects, and found by reference.

`resolve_image` finds the image that a body names; `Catalog.names_of` gives the name of a template's image. They cost
two CloudStack calls at the same time (listTemplates `self` and `executable`), which are remembered for seconds.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.cloudstack.client import Client
from gstack.errors import Problem
from gstack.resources.inventory.accounts import project_of
from gstack.resources.inventory.machines import OWN
from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.deprecation import ACTIVE, UNUSABLE, state_of
from gstack.resources.shared.image_families import family_of, public_project_of
from gstack.resources.shared.naming import NAME_LENGTH, gce_id, gce_names, slug
from gstack.resources.shared.references import FAMILY, Reference, parse_reference
from gstack.resources.shared.sizes import gigabytes

KIND = "images"  # the sidecar's kind


class Template(msgspec.Struct, frozen=True):
    """A template in one zone, as CloudStack's listTemplates answers it. Sizes are in bytes."""

    id: str
    name: str
    displaytext: str = ""
    created: str = ""
    isready: bool = False
    ispublic: bool = False
    isfeatured: bool = False
    ostypename: str = ""
    zoneid: str = ""
    status: str = ""
    size: int = 0
    physicalsize: int = 0
    hypervisor: str = ""
    arch: str = ""
    tags: list[dict[str, Any]] = []


class Image(msgspec.Struct, frozen=True):
    """A template as an image. `zones` are the uuids of the CloudStack zones in which it is ready."""

    id: str
    project: str
    name: str
    cloudstack_name: str
    family: str
    description: str
    created: str
    status: str
    size_bytes: int
    archive_bytes: int
    own: bool
    featured: bool
    hypervisor: str
    arch: str
    os_type: str
    zones: frozenset[str]
    tags: list[dict[str, Any]]

    @property
    def size_gb(self) -> int:
        """The smallest disk that holds the image, in GB (GiB, as Google counts)."""
        return max(1, gigabytes(self.size_bytes))

    @property
    def state(self) -> str:
        """ACTIVE, DEPRECATED, OBSOLETE or DELETED: what its owner said of it."""
        return state_of(self.tags)

    @property
    def path(self) -> str:
        """The relative name that Problems use."""
        return f"projects/{self.project}/global/images/{self.name}"


class Catalog:
    """All images that a caller sees. `own_project` is the project of the URL, empty where that is a public one."""

    def __init__(self, own: Sequence[Template], public: Sequence[Template], own_project: str) -> None:
        mine, usable = _merged(own), _merged(public)
        views = {uuid: found for uuid, found in usable.items() if _is_view(found)}
        strays = {uuid: found for uuid, found in usable.items() if uuid not in views and uuid not in mine}
        in_own, in_views = _names(mine, strays if own_project else {}), _names({}, views)
        images = [
            _image(views[uuid], public_project_of(_family(views[uuid], own=False)), in_views[uuid]) for uuid in views
        ]
        images += [_image(strays[uuid], own_project, in_own[uuid]) for uuid in strays.keys() & in_own.keys()]
        images += [_image(mine[uuid], own_project, in_own[uuid], own=True) for uuid in mine]
        self.own_project = own_project
        self.all = tuple(sorted(images, key=lambda image: (image.project, image.name)))
        self.by_id = {image.id: image for image in images}  # the caller's own image wins over its public view

    def of_project(self, project: str) -> list[Image]:
        """The images of a project, by name."""
        return [image for image in self.all if image.project == project]

    def named(self, project: str, name: str) -> Image | None:
        """Find an image by GCE name, numeric id or CloudStack name; if several share a CloudStack name, the best."""
        images = self.of_project(project)
        exact = (image for image in images if name in {image.name, gce_id(image.id)})
        raw = sorted((image for image in images if image.cloudstack_name == name), key=_rank, reverse=True)
        return next(exact, None) or next(iter(raw), None)

    def newest(self, project: str, family: str, zone_id: str = "") -> Image | None:
        """The image that a family stands for, preferably ready in the zone; never a deprecated one."""
        active = [image for image in self.of_project(project) if image.state == ACTIVE]
        ready = [image for image in active if image.status == "READY"]
        found = [image for image in ready if image.family == family] or [
            image for image in ready if _with_architecture(image) == family
        ]
        return max(found, key=lambda image: (zone_id in image.zones, *_rank(image)), default=None)

    def names_of(self, template_id: str, template_name: str) -> tuple[str, str] | None:
        """Project and name of a template's image. A template that is gone is named after itself, if it had a name."""
        if image := self.by_id.get(template_id):
            return image.project, image.name
        return (self.own_project, slug(template_name)) if template_name else None


async def catalog(cloudstack: Client, own_project: str, *, fresh: bool = False) -> Catalog:
    """The caller's images. `own_project` empty: only the public image projects."""
    public = cloudstack.reference("listTemplates", Template, {"templatefilter": "executable"}, fresh=fresh)
    if not own_project:
        return Catalog((), await public, "")
    own = cloudstack.reference("listTemplates", Template, {**OWN, "templatefilter": "self"}, fresh=fresh)
    mine, published = await asyncio.gather(own, public)
    return Catalog(mine, published, own_project)


async def resolve_image(reader: Reader, text: str, zone_id: str = "") -> Image:
    """Find what a body names as its image, in any form; a family gives its newest image, ready in the zone first.

    Problem.not_found names the image or the family; one that is obsolete or deleted is a 400, as with Google. Whether
    the image is ready in a zone is the caller's to check (`Image.zones`).
    """
    reference = image_reference(text, reader.project)
    wanted = replace(reference, project=project_of(reader, reference.project))
    found = find(await catalog(reader.cloudstack, reader.project), wanted, zone_id)
    found = found or find(await catalog(reader.cloudstack, reader.project, fresh=True), wanted, zone_id)
    if found is None:
        collection = FAMILY if wanted.collection == FAMILY else "images"
        raise Problem.not_found(f"projects/{wanted.project}/global/{collection}/{wanted.name}")
    if found.state in UNUSABLE:
        raise Problem.invalid("sourceImage", f"'{found.path}'. The image is {found.state.lower()}. Use another one.")
    return found


def image_reference(text: str, call_project: str) -> Reference:
    """An image's reference with its project. `debian-cloud/debian-12` has the collection "": an image or a family."""
    reference = parse_reference(text)
    if not reference.name or reference.scope not in {"", "global"}:
        raise Problem.invalid("sourceImage", f"'{text}' is not an image. Send projects/PROJECT/global/images/IMAGE.")
    if reference.collection in {FAMILY, "family"}:
        return Reference(reference.project or call_project, "global", FAMILY, reference.name)
    if reference.can_be("images"):
        return Reference(reference.project or call_project, "global", "images", reference.name)
    if reference.project or reference.scope or "/" in reference.collection:
        raise Problem.invalid("sourceImage", f"'{text}' is not an image. Send projects/PROJECT/global/images/IMAGE.")
    return Reference(reference.collection, "global", "", reference.name)


def find(images: Catalog, wanted: Reference, zone_id: str = "") -> Image | None:
    """Look a complete reference up."""
    image = images.named(wanted.project, wanted.name) if wanted.collection != FAMILY else None
    if image or wanted.collection == "images":
        return image
    return images.newest(wanted.project, wanted.name, zone_id)


def _merged(templates: Iterable[Template]) -> dict[str, list[Template]]:
    """A template is listed once for each of its zones."""
    found: dict[str, list[Template]] = {}
    for template in templates:
        found.setdefault(template.id, []).append(template)
    return found


def _names(mine: dict[str, list[Template]], public: dict[str, list[Template]]) -> dict[str, str]:
    """Names within one project: own ones first, then featured ones; those of other users give way."""
    names = gce_names((uuid, found[0].name) for uuid, found in mine.items())
    for featured in (True, False):
        group = ((uuid, _shown_name(found)) for uuid, found in public.items() if found[0].isfeatured == featured)
        names |= gce_names(group, taken=set(names.values()))
    return names


def _shown_name(found: list[Template]) -> str:
    family, name = _family(found, own=False), found[0].name
    return name if family in slug(name) else f"{family}-{slug(name)}"[:NAME_LENGTH]


def _is_view(found: list[Template]) -> bool:
    return found[0].ispublic and public_project_of(_family(found, own=False)) != ""


def _family(found: list[Template], *, own: bool) -> str:
    tagged = next((str(tag.get("value", "")) for tag in found[0].tags if tag.get("key") == "family"), "")
    if tagged:
        return slug(tagged)
    return "" if own else family_of(found[0].ostypename)


def _image(found: list[Template], project: str, name: str, *, own: bool = False) -> Image:
    first = found[0]
    size = max(template.size for template in found)
    return Image(
        id=first.id,
        project=project,
        name=name,
        cloudstack_name=first.name,
        family=_family(found, own=own),
        description="" if first.displaytext == first.name else first.displaytext,
        created=min(template.created for template in found),
        status=_status(found),
        size_bytes=size,
        archive_bytes=max(template.physicalsize for template in found) or size,
        own=own,
        featured=first.isfeatured,
        hypervisor=first.hypervisor,
        arch=first.arch,
        os_type=first.ostypename,
        zones=frozenset(template.zoneid for template in found if template.isready),
        tags=first.tags,
    )


def _status(found: list[Template]) -> str:
    if any(template.isready for template in found):
        return "READY"
    failed = all(any(word in template.status.lower() for word in ("error", "fail", "abandon")) for template in found)
    return "FAILED" if failed else "PENDING"


def _rank(image: Image) -> tuple[bool, str, str]:
    return image.own or image.featured, image.created, image.name


def _with_architecture(image: Image) -> str:
    """Google's newer Ubuntu families end in the architecture: `ubuntu-2404-lts-amd64`."""
    ending = {"x86_64": "amd64", "aarch64": "arm64"}.get(image.arch, "")
    return f"{image.family}-{ending}" if ending else ""
