"""Operations as clients find, list and delete them."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.works import OWNER, draft
from gstack.errors import Problem
from gstack.operations.lookup import Operations
from gstack.operations.model import Operation, Target
from gstack.operations.outcomes import succeeded
from gstack.operations.store import Store

ZONE = "zones/z"


async def begun(engine: AsyncEngine, name: str = "d", scope: str = ZONE) -> Operation:
    target = Target(scope=scope, collection="disks", name=name)
    record, _ = await Store(engine, "me", 30).begin(draft(name, target=target, holds=(target.path,)))
    return record.operation


async def test_operations_are_found_in_their_scope_by_their_owner(engine: AsyncEngine) -> None:
    """By name or id, in the own scope, by the owner alone."""
    operation, operations = await begun(engine), Operations(engine)
    for name in (operation.name, operation.id):
        assert await operations.get(OWNER, ZONE, name) == operation
    assert await operations.get(OWNER, "zones/y", operation.name) is None
    assert await operations.get("other", ZONE, operation.name) is None
    assert await operations.get(OWNER, ZONE, "9" * 30) is None


async def test_lists_come_in_pages_oldest_or_newest_first(engine: AsyncEngine) -> None:
    """Pages of a scope, or of all scopes, in the order of beginning."""
    made = [await begun(engine, f"d{number}", ZONE if number % 2 else "global") for number in range(5)]
    operations = Operations(engine)
    assert await operations.page(OWNER, None, limit=3, offset=0) == made[:3]
    assert await operations.page(OWNER, None, limit=3, offset=3) == made[3:]
    assert await operations.page(OWNER, ZONE, limit=9, offset=0) == [made[1], made[3]]
    assert await operations.page(OWNER, None, limit=2, offset=0, newest_first=True) == [made[4], made[3]]
    assert await operations.page("other", None, limit=9, offset=0) == []


async def test_only_what_is_done_can_be_deleted(engine: AsyncEngine) -> None:
    """A running operation is 400; a finished one goes with its steps; an unknown one is False."""
    operation, operations = await begun(engine), Operations(engine)
    with pytest.raises(Problem, match="not DONE") as busy:
        await operations.delete(OWNER, ZONE, operation.name)
    assert busy.value.status == 400
    await Store(engine, "me", 30).finish(succeeded(operation))
    assert await operations.delete(OWNER, ZONE, operation.name) is True
    assert await operations.get(OWNER, ZONE, operation.name) is None
    assert await operations.delete(OWNER, ZONE, operation.name) is False
