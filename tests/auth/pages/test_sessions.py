"""gstack.auth.pages.sessions: how long a browser stays signed in."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from auth.room import Room
from auth.visitor import Visitor, password_of
from gstack.auth import tokens
from gstack.auth.store import now
from gstack.db.tables import browsers


async def test_only_hashes_are_kept(room: Room) -> None:
    """The table contains no cookie, only a hash."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    async with room.engine.connect() as connection:
        rows = [row._asdict() for row in await connection.execute(select(browsers))]
    assert [row["hash"] for row in rows] == [tokens.digest(visitor.cookie)]
    assert visitor.cookie not in str(rows)
    assert rows[0]["pending"] is None


@pytest.mark.parametrize(
    "ended", [{"seen": now() - timedelta(hours=1, seconds=1)}, {"ends": now() - timedelta(seconds=1)}]
)
async def test_sessions_end(room: Room, ended: dict[str, object]) -> None:
    """A session ends after an hour without a page, and after its longest time."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    assert "Your Compute Engine" in (await visitor.get("/")).text
    async with room.engine.begin() as connection:
        await connection.execute(update(browsers).values(ended))
    assert "Your Compute Engine" not in (await visitor.get("/")).text


async def test_a_new_sign_in_ends_the_one_before(room: Room) -> None:
    """Signing in again in the same browser replaces the session."""
    visitor = Visitor(room)
    for _ in range(2):
        await visitor.sign_in(password_of(room))
    async with room.engine.connect() as connection:
        assert len(list(await connection.execute(select(browsers)))) == 1


async def test_a_page_is_seen(room: Room) -> None:
    """A visit updates the time when the session was last seen."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    long_ago = now() - timedelta(minutes=30)
    async with room.engine.begin() as connection:
        await connection.execute(update(browsers).values(seen=long_ago))
    browser = await room.auth.sessions.find(visitor.cookie)
    assert browser
    again = await room.auth.sessions.find(visitor.cookie)
    assert again
    assert again.seen > long_ago + timedelta(minutes=29)
