"""CloudStack's OS types, and the one that a new image gets."""

from collections.abc import Sequence

import msgspec

from gstack.cloudstack.client import Client
from gstack.errors import Problem
from gstack.resources.shared.image_families import family_of

_GENERIC = ("Other Linux (64-bit)", "Other (64-bit)", "Other (32-bit)")


class OsType(msgspec.Struct, frozen=True):
    """An OS type as CloudStack's listOsTypes answers it. `description` is its name, `Debian GNU/Linux 12 (64-bit)`."""

    id: str
    description: str = ""


async def os_types(cloudstack: Client) -> Sequence[OsType]:
    """All OS types. Remembered for seconds."""
    return await cloudstack.reference("listOsTypes", OsType)


def choose_os_type(types: Sequence[OsType], name: str, family: str) -> str:
    """Return the uuid of the OS type of this name, else of the image family, else of a generic one. Pure."""
    by_name = {one.description: one.id for one in types}
    of_family = [one.id for one in types if family and family_of(one.description) == family]
    other = [one.id for one in types if one.description.startswith("Other")]
    generic = [by_name[wanted] for wanted in _GENERIC if wanted in by_name]
    found = [by_name[name]] if name in by_name else [*of_family, *generic, *other, *by_name.values()]
    if not found:
        raise Problem.internal_error("listOsTypes is empty")
    return found[0]
