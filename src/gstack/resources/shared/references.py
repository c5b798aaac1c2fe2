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

    def can_be(self, collection: str) -> bool:
        """Whether something of this collection can be meant: a name alone, or one that says this collection."""
        bare = not (self.collection or self.scope or self.project)
        return bool(self.name) and (bare or self.collection == collection)


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


def type_named(text: str, collection: str, field: str, zones: Collection[str], projects: Collection[str]) -> str:
    """The name of a machine type or disk type of a zone, known by `zones`; 400 for what is of elsewhere or no type.

    `projects` are the names by which the call's own project is known (owners.own_names).
    """
    told, noun = parse_reference(text), {"machineTypes": "machine type", "diskTypes": "disk type"}[collection]
    if not told.can_be(collection) or (told.scope and not told.zone):
        raise Problem.invalid(field, f"'{text}' is no {noun}. Send zones/ZONE/{collection}/NAME.")
    if told.project not in {"", *projects}:
        raise Problem.invalid(field, f"'{text}'. Cross-project references for this resource are not allowed.")
    if told.zone and told.zone not in zones:
        raise Problem.invalid(field, f"'{text}'. The {noun} must be one of zone '{next(iter(zones))}'.")
    return told.name


def agrees(sent: str, shown: str) -> bool:
    """Whether a reference can mean what is shown: it says nothing else, and may say less."""
    told, there = parse_reference(sent), parse_reference(shown)
    parts = ((told.project, there.project), (told.scope, there.scope), (told.collection, there.collection))
    return told.name == there.name and all(one in {"", other} for one, other in parts)


def name_in(text: str, collection: str, scopes: Collection[str], projects: Collection[str]) -> str:
    """The name, where the reference can mean something of this collection, in these scopes and projects; else empty."""
    told = parse_reference(text)
    here = told.scope in {"", *scopes} and told.project in {"", *projects}
    return told.name if here and told.can_be(collection) else ""


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
