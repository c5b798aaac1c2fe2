"""The browsers that people signed in with: rows of `browsers`, found by the hash of a cookie.

A session ends after an hour without a page, and twelve hours after the sign-in in any case. Its cookie's value changes
with each sign-in, so that a value planted before is worth nothing after it.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth import opaque
from gstack.auth.store import now
from gstack.db.engine import reading, writing
from gstack.db.tables import browsers

IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
PENDING = timedelta(minutes=10)  # to decide about a key pair; CloudStack's own session lasts longer
_TOUCH = timedelta(seconds=60)
_AGENT = 200  # characters kept


class Browser(msgspec.Struct, frozen=True):
    """A signed-in browser. Without a `credential_id` its user still has to choose a key pair: `pending` is sealed."""

    hash: str
    credential_id: str | None
    user_name: str
    pending: bytes | None
    agent: str
    created: datetime
    seen: datetime
    ends: datetime


class Sessions:
    """The rows. Each method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def open(
        self,
        old: str,
        *,
        credential_id: str | None = None,
        user_name: str = "",
        pending: bytes | None = None,
        agent: str = "",
    ) -> str:
        """Begin a session in place of the one of the cookie `old`; return the new cookie's value."""
        secret, moment = opaque.new(""), now()
        browser = Browser(
            hash=opaque.digest(secret),
            credential_id=credential_id,
            user_name=user_name,
            pending=pending,
            agent=agent[:_AGENT],
            created=moment,
            seen=moment,
            ends=moment + (LONGEST if credential_id else PENDING),
        )
        async with writing(self._engine) as connection:
            await connection.execute(delete(browsers).where(browsers.c.hash == opaque.digest(old)))
            await connection.execute(delete(browsers).where(_ended(moment)))
            await connection.execute(insert(browsers).values(msgspec.structs.asdict(browser)))
        return secret

    async def find(self, secret: str) -> Browser | None:
        """Return the session of a cookie where it lasts; it is seen now."""
        moment = now()
        query = select(browsers).where(browsers.c.hash == opaque.digest(secret), ~_ended(moment))
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        browser = Browser(**row._asdict())
        if browser.seen < moment - _TOUCH:
            async with writing(self._engine) as connection:
                await connection.execute(update(browsers).where(browsers.c.hash == browser.hash).values(seen=moment))
        return browser

    async def of_credentials(self, credential_ids: list[str]) -> list[Browser]:
        """Return the sessions that last and stand on these credentials, newest first."""
        query = select(browsers).where(browsers.c.credential_id.in_(credential_ids), ~_ended(now()))
        async with reading(self._engine) as connection:
            rows = await connection.execute(query.order_by(browsers.c.seen.desc()))
            return [Browser(**row._asdict()) for row in rows]

    async def close(self, digest: str) -> None:
        """End a session, by its hash."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(browsers).where(browsers.c.hash == digest))


def _ended(moment: datetime) -> Any:
    return (browsers.c.ends <= moment) | (browsers.c.seen <= moment - IDLE)
