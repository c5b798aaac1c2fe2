"""How clients name a resource in a body or parameter, in every form that was seen. Pure.

Any host and version, `projects/…`, `global/…`, `zones/…`, `networks/n` and bare names. The last `projects/` counts:
Ansible's firewall module puts a whole URL behind one of its own. A family is a collection of its own here,
`images/family`, also where it comes as `zones/-/imageFamilyViews/F`, as gcloud writes it.
"""

from collections.abc import Collection
from urllib.parse import unquote

import msgspec

from gstack.errors import Problem

FAMILY = "images/family"
_SCOPES = {"zones", "regions"}


class Reference(msgspec.Struct, frozen=True):
    """A resource as a client names it; parts that were not said are empty.

    `scope` is `zones/z`, `regions/r` or `global`. A zone, a region or a project itself has an empty scope and the
    collection `zones`, `regions` or `projects`.
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


def parse_reference(text: str) -> Reference:
    """Take a reference apart. Never fails: what means nothing has a name that nothing has."""
    parts = [unquote(part) for part in text.strip().split("?")[0].split("/") if part]
    project, path = _project(parts)
    if project and not path:
        return Reference(project, "", "projects", project)
    return _scoped(project, path)


def last_name(text: str) -> str:
    """The name at the end of a reference: `n1` of `…/global/networks/n1`."""
    return parse_reference(text).name


def type_named(text: str, collection: str, field: str, zones: Collection[str], project: str) -> str:
    """The name of a machine type or disk type of a zone, known by `zones`; 400 for what is of elsewhere or no type."""
    told, noun = parse_reference(text), {"machineTypes": "machine type", "diskTypes": "disk type"}[collection]
    if told.collection not in {"", collection} or (told.scope and not told.zone):
        raise Problem.invalid(field, f"'{text}' is no {noun}. Send zones/ZONE/{collection}/NAME.")
    if told.project not in {"", project}:
        raise Problem.invalid(field, f"'{text}'. Cross-project references for this resource are not allowed.")
    if told.zone and told.zone not in zones:
        raise Problem.invalid(field, f"'{text}'. The {noun} must be one of zone '{next(iter(zones))}'.")
    return told.name


def means(told: Reference, collection: str) -> bool:
    """Whether a reference can mean something of this collection: it has a name, and says no other collection."""
    return bool(told.name) and told.collection in {"", collection}


def _project(parts: list[str]) -> tuple[str, list[str]]:
    for index in range(len(parts) - 2, -1, -1):
        before = parts[index - 1] if index else ""
        if parts[index] == "projects" and before != "projects":
            return parts[index + 1], parts[index + 2 :]
    return "", _without_base(parts)


def _without_base(parts: list[str]) -> list[str]:
    """Take off scheme, host, `compute` and version, where they are there."""
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
