"""Whether the names of new resources are free: checked before an operation, and again under its locks.

A request looks in CloudStack. Between that check and the locks, another operation may take a name. The sidecar knows
what other operations created, so the second check (`check_still_free`) costs a CloudStack call only if the sidecar
knows the name.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable

from gstack.db.sidecar import Sidecar
from gstack.errors import Problem

Exists = Callable[[str], Awaitable[object]]  # whether CloudStack still has the object with this uuid


def check_free(collection: str, names: Iterable[str], taken: Collection[str]) -> None:
    """409 for the first name that is taken; `collection` is `projects/p/zones/z/disks`."""
    for name in names:
        if name in taken:
            raise Problem.already_exists(f"{collection}/{name}")


async def check_still_free(
    sidecar: Sidecar, owner_id: str, kind: str, collection: str, names: Collection[str], exists: Exists
) -> None:
    """409 for the first name that another operation has taken since `check_free`. `kind` is the sidecar's kind."""
    taken = set()
    for name in names:
        uuid = await sidecar.named(owner_id, kind, name)
        if uuid and await exists(uuid):
            taken.add(name)
    check_free(collection, names, taken)
