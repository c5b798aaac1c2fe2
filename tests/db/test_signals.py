"""gstack.db.signals: heard by every process on the database, on both kinds."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import create_engine, writing
from gstack.db.signals import Signal


async def changed(signal: Signal, before: tuple[int, int], seconds: float = 5.0) -> float:
    """Wait until a state is another one; how long it took."""
    begun = time.monotonic()
    while signal.state == before:
        assert time.monotonic() < begun + seconds, "not heard"
        await asyncio.sleep(0.005)
    return time.monotonic() - begun


@pytest.fixture
async def there(engine: AsyncEngine) -> AsyncIterator[Signal]:
    """A signal as another process has it, which listens."""
    replica = create_engine(engine.url.render_as_string(hide_password=False))
    signal = Signal(replica, "test")
    before = signal.state
    signal.listen()
    if engine.dialect.name == "postgresql":
        await changed(signal, before)
    yield signal
    await signal.stop()
    await replica.dispose()


async def test_it_is_heard_elsewhere_at_once(engine: AsyncEngine, there: Signal) -> None:
    """Each time it is given, by whoever; another signal is not heard as this one."""
    here = Signal(engine, "test")
    for _ in range(3):
        before, own = there.state, here.state
        await here.give()
        assert here.state != own
        assert await changed(there, before) < 1
    before = there.state
    await Signal(engine, "another").give()
    await asyncio.sleep(0.2)
    assert there.state == before


async def test_after_a_broken_connection_it_counts_as_given(engine: AsyncEngine, there: Signal) -> None:
    """What was said while nobody could hear may have been anything, and afterwards it is heard again."""
    if engine.dialect.name != "postgresql":
        pytest.skip("files have no connection")
    before = there.state
    async with writing(engine) as connection:
        await connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        )
    await changed(there, before)
    before = there.state
    await Signal(engine, "test").give()
    await changed(there, before)


async def test_a_database_out_of_reach_stops_nobody(engine: AsyncEngine) -> None:
    """Who gives the signal goes on; in the own process it is known all the same."""
    here = Signal(create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none"), "test")
    before = here.state
    await here.give()
    assert here.state != before
    here.listen()
    await asyncio.sleep(0.1)
    await here.stop()
