"""The names by which a caller's project is known in references."""

from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.naming import gce_id


def own_names(reader: Reader) -> frozenset[str]:
    """The names of a call's project in references: that of the URL, its name, number, and CloudStack's uuid."""
    owner = reader.owner
    names = (owner.name, gce_id(owner.id), owner.project or owner.name) if owner else ()
    return frozenset({reader.project, *names})


def meant(reader: Reader, project: str) -> str:
    """The project of a reference as the call's URL names it, where it is the call's own or unsaid; else unchanged."""
    return reader.project if not project or project in own_names(reader) else project
