"""References: the names of other resources in a body or a parameter. Pure.

Clients send URLs of any host and version, paths (`projects/…`, `global/…`, `zones/…`, `networks/n`) and bare names. In
a URL with several `projects/` the last one counts: Ansible's firewall module puts one whole URL behind another. An
image family is the collection `images/family`, also where gcloud writes `zones/-/imageFamilyViews/F`.
"""

from collections.abc import Collection
from urllib.parse import unquote

import msgspec

from gstack.errors import Problem

FAMILY = "images/family"
_SCOPES = {"zones", "regions"}


class Reference(msgspec.Struct, frozen=True):
    """A resource as a client names it. Parts that the client left out are empty.

    `scope` is `zones/z`, `regions/r` or `global`. A zone, region or project has an empty scope and the collection
    `zones`, `regions` or `projects`.
    """

    project: str
    scope: str
    collection: str
    name: str

    @property
    def zone(self) -> str:
        """The zone of a zonal reference, else empty."""
        return self.scope.removeprefix("zones/") if self.scope.startswith("zones/") else ""

    @property
    def region(self) -> str:
        """The region of a regional reference, else empty."""
        return self.scope.removeprefix("regions/") if self.scope.startswith("regions/") else ""

    def can_be(self, collection: str) -> bool:
        """Whether it may be a resource of this collection: it names the collection, or is only a bare name."""
        bare = not (self.collection or self.scope or self.project)
        return bool(self.name) and (bare or self.collection == collection)


def parse_reference(text: str) -> Reference:
    """Parse a reference. Never fails: nonsense gives a name that no resource has."""
    parts = [unquote(part) for part in text.strip().split("?")[0].split("/") if part]
    project, path = _project(parts)
    if project and not path:
        return Reference(project, "", "projects", project)
    return _scoped(project, path)


def last_name(text: str) -> str:
    """The name at the end of a reference: `n1` of `…/global/networks/n1`."""
    return parse_reference(text).name


def type_named(text: str, collection: str, field: str, zones: Collection[str], projects: Collection[str]) -> str:
    """The name of a machine type or disk type in a zone; `zones` and `projects` are the names of the zone and project.

    400 on `field` for a reference to another zone or project, or to something that is not a type.
    """
    reference, noun = parse_reference(text), {"machineTypes": "machine type", "diskTypes": "disk type"}[collection]
    if not reference.can_be(collection) or (reference.scope and not reference.zone):
        raise Problem.invalid(field, f"'{text}' is not a {noun}. Send zones/ZONE/{collection}/NAME.")
    if reference.project not in {"", *projects}:
        raise Problem.invalid(field, f"'{text}'. Cross-project references for this resource are not allowed.")
    if reference.zone and reference.zone not in zones:
        raise Problem.invalid(field, f"'{text}'. The {noun} must be in zone '{next(iter(zones))}'.")
    return reference.name


def agrees(sent: str, shown: str) -> bool:
    """Whether a reference matches the shown one: it may leave parts out, but must not contradict any."""
    one, other = parse_reference(sent), parse_reference(shown)
    parts = ((one.project, other.project), (one.scope, other.scope), (one.collection, other.collection))
    return one.name == other.name and all(part in {"", full} for part, full in parts)


def name_in(text: str, collection: str, scopes: Collection[str], projects: Collection[str]) -> str:
    """The name, if the reference may name something of this collection in these scopes and projects; else empty."""
    reference = parse_reference(text)
    matches = reference.scope in {"", *scopes} and reference.project in {"", *projects}
    return reference.name if matches and reference.can_be(collection) else ""


def _project(parts: list[str]) -> tuple[str, list[str]]:
    for index in range(len(parts) - 2, -1, -1):
        before = parts[index - 1] if index else ""
        if parts[index] == "projects" and before != "projects":
            return parts[index + 1], parts[index + 2 :]
    return "", _without_base(parts)


def _without_base(parts: list[str]) -> list[str]:
    """Drop scheme, host, `compute` and version."""
    if parts[:1] in (["https:"], ["http:"]):
        parts = parts[2:]
    if parts[:1] == ["compute"] and len(parts) > 2:  # noqa: PLR2004  # compute, version and something
        parts = parts[2:]
    return parts


def _scoped(project: str, path: list[str]) -> Reference:
    scope, rest = "", path
    if path[:1] == ["global"] and len(path) > 1:
        scope, rest = "global", path[1:]
    elif path[:1] and path[0] in _SCOPES and len(path) > 2:  # noqa: PLR2004  # a scope, its name and something
        scope, rest = "/".join(path[:2]), path[2:]
    collection, name = "/".join(rest[:-1]), rest[-1] if rest else ""
    if collection == "imageFamilyViews":
        return Reference(project, "global", FAMILY, name)
    return Reference(project, scope, collection, name)
