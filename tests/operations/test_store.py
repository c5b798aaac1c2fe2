"""The journal's SQL: fences, leases, steps."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.works import draft
from gstack.db.engine import writing
from gstack.operations.lookup import Operations
from gstack.operations.outcomes import succeeded
from gstack.operations.rows import ENDED, INTENT, JOB, Step
from gstack.operations.store import LeaseLost, Store

WORKS = ["test.disk"]


async def expire(engine: AsyncEngine) -> None:
    async with writing(engine) as connection:
        await connection.execute(text("UPDATE operations SET lease_until = 1"))


async def test_a_step_is_kept_from_state_to_state(engine: AsyncEngine) -> None:
    """Job id and result come to the same row; the start stays; results are any JSON."""
    store = Store(engine, "me", 30)
    record, _ = await store.begin(draft("d"))
    step = Step(name="create", state=INTENT, command="createVolume", started=datetime.now(UTC))
    await store.record(record.key, step)
    step = msgspec.structs.replace(step, state=JOB, job_id="j")
    await store.record(record.key, step)
    step = msgspec.structs.replace(step, state=ENDED, result={"id": "v", "ü": [1, None, 2.5]})
    await store.record(record.key, step)
    await store.record(record.key, Step("none", ENDED, "", datetime.now(UTC), result=None))
    found = await store.steps(record.key)
    assert found["create"] == step
    assert found["none"].result is None
    assert set(found) == {"create", "none"}


async def test_without_the_lease_nothing_can_be_written(engine: AsyncEngine) -> None:
    """After a take-over the former worker's writes of all kinds are refused and leave nothing."""
    former, heir = Store(engine, "former", 30), Store(engine, "heir", 30)
    record, _ = await former.begin(draft("d"))
    await expire(engine)
    [taken] = await heir.claim(WORKS, 10)
    assert taken.resumed
    for write in (
        former.record(record.key, Step("s", INTENT, "c", datetime.now(UTC))),
        former.change(msgspec.structs.replace(record.operation, progress=50)),
        former.finish(succeeded(record.operation)),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await heir.steps(record.key) == {}
    found = await Operations(engine).get("owner-1", "zones/z", record.operation.name)
    assert found == record.operation
    assert await former.renew([record.key]) == set()
    await former.release(record.key)
    assert await heir.renew([record.key]) == {record.key}


async def test_only_what_is_free_can_be_claimed(engine: AsyncEngine) -> None:
    """Leased rows and works that this version does not know stay; given back, run out and dead ones are taken."""
    one, two = Store(engine, "one", 30), Store(engine, "two", 30)
    first, _ = await one.begin(draft("first"))
    await one.begin(draft("newer", work="work.of.a.newer.version"))
    assert await two.claim(WORKS, 10) == []
    assert await two.free(WORKS) is False
    assert await two.workers() == {"one"}
    assert await two.free(WORKS, {"one"})
    assert [each.key for each in await two.claim(WORKS, 10, {"one"})] == [first.key]
    await two.release()
    assert [each.key for each in await one.claim(WORKS, 10)] == [first.key]
    await one.finish(succeeded(first.operation))
    assert await two.free(WORKS) is False
    assert await two.claim(WORKS, 10, {"one"}) == []


async def test_a_claim_takes_the_oldest_and_not_more_than_asked(engine: AsyncEngine) -> None:
    """Two claims of two share four left-behind operations, oldest first."""
    store = Store(engine, "one", 30)
    keys = [(await store.begin(draft(f"d{number}")))[0].key for number in range(4)]
    await store.release()
    heirs = [Store(engine, "two", 30), Store(engine, "three", 30)]
    claims = [[each.key for each in await heir.claim(WORKS, 2)] for heir in heirs]
    assert sorted(claims[0] + claims[1]) == sorted(keys)
    assert claims[0] == sorted(keys)[:2]


async def test_finishing_lets_go_of_names_in_the_same_commit(engine: AsyncEngine) -> None:
    """With the DONE row the holds are gone and the lease is free; a second finish is refused."""
    store = Store(engine, "me", 30)
    record, _ = await store.begin(draft("d"))
    assert await Operations(engine).holder("owner-1", "zones/z/disks/d")
    await store.finish(succeeded(record.operation))
    assert await Operations(engine).holder("owner-1", "zones/z/disks/d") is None
    assert await store.workers() == set()
    with pytest.raises(LeaseLost):
        await store.finish(succeeded(record.operation))


async def test_removing_takes_the_steps_along(engine: AsyncEngine) -> None:
    """An old operation goes with its steps, a young one stays."""
    store = Store(engine, "me", 30)
    record, _ = await store.begin(draft("d"))
    await store.record(record.key, Step("s", INTENT, "c", datetime.now(UTC)))
    await store.finish(succeeded(record.operation))
    assert await store.expire(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await store.expire(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert await store.steps(record.key) == {}
    assert await store.expire(datetime.now(UTC) + timedelta(hours=1)) == 0


async def test_only_operations_of_one_s_own_cloud_are_claimed(engine: AsyncEngine) -> None:
    """A server of another cloud on the same database leaves them alone; those that name no cloud are anybody's."""
    first, second = Store(engine, "one", 30, "https://a/client/api"), Store(engine, "two", 30, "https://b/client/api")
    record, _ = await first.begin(draft("d"))
    await first.release()
    assert await second.free(WORKS, {"one"}) is False
    assert await second.claim(WORKS, 10, {"one"}) == []
    heir = Store(engine, "three", 30, "https://a/client/api")
    assert [each.key for each in await heir.claim(WORKS, 10)] == [record.key]
    await heir.release()
    async with writing(engine) as connection:
        await connection.execute(text("UPDATE operations SET cloud = ''"))
    assert [each.key for each in await second.claim(WORKS, 10)] == [record.key]
