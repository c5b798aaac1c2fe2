"""Names of new resources: free, or taken before or since."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.resources.inventory.names import check_free, check_still_free

GONE, STAYS = "0b1c8a52-6d8f-4d0c-9d2f-1f6a6a1f0001", "0b1c8a52-6d8f-4d0c-9d2f-1f6a6a1f0002"


def test_free_and_taken() -> None:
    """The first name that something has is a 409 with its path."""
    check_free("projects/p/zones/z/disks", ["a", "b"], {"c"})
    with pytest.raises(Problem, match="'projects/p/zones/z/disks/b' already exists") as refused:
        check_free("projects/p/zones/z/disks", ["a", "b", "c"], {"b", "c"})
    assert refused.value.status == 409


async def test_still_free(engine: AsyncEngine) -> None:
    """A name is a 409 if the sidecar knows it and CloudStack still has the object; unknown names cost no look."""
    store, looked = Sidecar(engine), list[str]()
    await store.keep(GONE, "owner", "disks/z", {"name": "gone"})
    await store.keep(STAYS, "owner", "disks/z", {"name": "stays"})

    async def exists(uuid: str) -> bool:
        looked.append(uuid)
        return uuid == STAYS

    await check_still_free(store, "owner", "disks/z", "projects/p/zones/z/disks", ["new", "gone"], exists)
    assert looked == [GONE]
    looked.clear()
    with pytest.raises(Problem, match="'projects/p/zones/z/disks/stays' already exists") as refused:
        await check_still_free(store, "owner", "disks/z", "projects/p/zones/z/disks", ["new", "gone", "stays"], exists)
    assert refused.value.status == 409
    assert looked == [GONE, STAYS]
