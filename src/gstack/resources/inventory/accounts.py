"""The names by which references call a caller's project."""

from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.naming import gce_id


def project_names(reader: Reader) -> frozenset[str]:
    """The names of the request's project: the one in the URL, its name, its number and CloudStack's uuid."""
    owner = reader.owner
    names = (owner.name, gce_id(owner.id), owner.project or owner.name) if owner else ()
    return frozenset({reader.project, *names})


def project_of(reader: Reader, project: str) -> str:
    """The project of a reference. The request's own, under any of its names or none, is named as in the URL."""
    return reader.project if not project or project in project_names(reader) else project
