"""The database's clock in SQL."""

import time

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.clock import database_clock
from gstack.db.engine import reading


async def test_the_clock_gives_seconds_with_a_fraction(engine: AsyncEngine) -> None:
    """Both databases on this machine tell this machine's time, to milliseconds, and it goes on."""
    async with reading(engine) as connection:
        first = (await connection.execute(select(database_clock()))).scalar_one()
        second = (await connection.execute(select(database_clock() + 10.0))).scalar_one()
    assert abs(first - time.time()) < 1
    assert 10 <= second - first < 11
    assert first != int(first)
