"""The tables and the values they take."""

from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import reading, writing
from gstack.db.tables import clients


async def test_times_come_back_aware_and_in_utc(engine: AsyncEngine) -> None:
    """A time of any zone goes in and the same instant comes out in UTC, to the microsecond."""
    moment = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=timezone(timedelta(hours=5)))
    row = {"id": "c", "name": "n", "redirect_uris": ["http://localhost"], "created": moment}
    async with writing(engine) as connection:
        await connection.execute(insert(clients).values(row))
    async with reading(engine) as connection:
        found = (await connection.execute(select(clients))).one()
    assert found.created == moment
    assert found.created.tzinfo is UTC
    assert found.redirect_uris == ["http://localhost"]
