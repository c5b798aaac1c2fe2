"""Names of new resources: free, or taken before or since."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.resources.inventory.names import check_free, taken_since

GONE, STAYS = "0b1c8a52-6d8f-4d0c-9d2f-1f6a6a1f0001", "0b1c8a52-6d8f-4d0c-9d2f-1f6a6a1f0002"


def test_free_and_taken() -> None:
    """The first name that something has is a 409 with its path."""
    check_free("projects/p/zones/z/disks", ["a", "b"], {"c"})
    with pytest.raises(Problem, match="'projects/p/zones/z/disks/b' already exists") as refused:
        check_free("projects/p/zones/z/disks", ["a", "b", "c"], {"b", "c"})
    assert refused.value.status == 409


async def test_taken_since(engine: AsyncEngine) -> None:
    """A name is taken if the sidecar knows it and CloudStack still has the object; unknown names cost no look."""
    store, looked = Sidecar(engine), list[str]()
    await store.keep(GONE, "owner", "disks/z", {"name": "gone"})
    await store.keep(STAYS, "owner", "disks/z", {"name": "stays"})

    async def exists(uuid: str) -> bool:
        looked.append(uuid)
        return uuid == STAYS

    assert await taken_since(store, "owner", "disks/z", ["new", "gone", "stays"], exists) == {"stays"}
    assert looked == [GONE, STAYS]
