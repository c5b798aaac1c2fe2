"""Finds a CloudStack object by the name or the numeric id that Google's clients use for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from gstack.db.sidecar import Sidecar
from gstack.resources.shared.naming import gce_id


class Named(Protocol):
    """A CloudStack object with its GCE name."""

    @property
    def uuid(self) -> str:
        """CloudStack's uuid of the object."""
        ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)
Search = Callable[[Mapping[str, object]], Awaitable[Sequence[N]]]  # lists what these parameters of a list leave


async def find(
    sidecar: Sidecar,
    owner: str,
    kind: str,
    name: str,
    search: Search[N],
    named: Callable[[str], Awaitable[Sequence[N]]],
) -> N | None:
    """Find one object by its GCE name or numeric id: one call to CloudStack where the sidecar knows its uuid.

    `kind` is the sidecar's kind. `named` looks for a name that the sidecar does not know.
    """
    is_id = name.isdigit()
    if uuid := await (sidecar.uuid_of(name) if is_id else sidecar.named(owner, kind, name)):
        if found := next(iter(await search({"id": uuid})), None):
            return found
        if not is_id:  # a name is the owner's own; an id may be of an object that belongs to somebody else
            await sidecar.drop(uuid)
    if is_id:
        return next((one for one in await search({}) if gce_id(one.uuid) == name), None)
    return next(iter(await named(name)), None)
