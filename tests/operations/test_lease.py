"""The right to work on an operation, and its end."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fixtures.works import draft
from gstack.db.engine import writing
from gstack.operations.lease import Interrupted, Lease
from gstack.operations.store import Store


@pytest.fixture
def store(engine: AsyncEngine) -> Store:
    return Store(engine, "me", 30)


async def test_a_cut_ends_pauses_and_waits(store: Store) -> None:
    """A pause and an abandonable wait end at once, nothing more may be sent, and the interruption is remembered."""
    lease = Lease(store, 30)
    waiting = [asyncio.create_task(lease.pause(60)), asyncio.create_task(lease.unless_cut(asyncio.sleep(60)))]
    await asyncio.sleep(0.01)
    lease.cut()
    lease.cut()
    for outcome in await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1):
        assert isinstance(outcome, asyncio.CancelledError)
    assert lease.interrupted
    record, _ = await store.begin(draft("d"))
    with pytest.raises(Interrupted):
        await lease.before_send(record.operation)


async def test_what_comes_first_is_returned(store: Store) -> None:
    """Without a cut, waits give what was waited for and raise what was raised."""
    lease = Lease(store, 30)

    async def three() -> int:
        return 3

    async def broken() -> None:
        raise LookupError

    assert await lease.unless_cut(three()) == 3
    with pytest.raises(LookupError):
        await lease.unless_cut(broken())
    assert not lease.interrupted


@pytest.mark.parametrize("stolen", [True, False])
async def test_a_worker_that_slept_asks_before_it_sends(engine: AsyncEngine, store: Store, stolen: bool) -> None:
    """After more than a lease without a write, the lease is checked in the database before anything is sent."""
    record, _ = await store.begin(draft("d"))
    lease = Lease(store, 0)
    if stolen:
        async with writing(engine) as connection:
            await connection.execute(text("UPDATE operations SET lease_owner = 'other'"))
        with pytest.raises(Interrupted):
            await lease.before_send(record.operation)
    else:
        await lease.before_send(record.operation)
    assert lease.interrupted is stolen
