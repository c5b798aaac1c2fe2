"""Browser sessions: the rows of signed-in browsers, and the cookie that finds them.

A session ends after an hour without a page, and at the latest twelve hours after the sign-in. The value of its cookie
changes with each sign-in, so a value that somebody planted before is useless afterwards. The database stores only the
hash of the cookie.

The one cookie, `__Host-gstack`, is sent over TLS only and to this host only; scripts cannot read it, and forms and
frames of other sites do not send it (SameSite=Lax, because a link to /oauth2/auth must find the session). Every visitor
gets one, even before the sign-in, so that the sign-in form is protected too (login CSRF).
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import falcon.asgi
import msgspec
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.store import now
from gstack.auth.tokens import digest, random_text
from gstack.db.engine import reading, writing
from gstack.db.tables import browsers

COOKIE = "__Host-gstack"
IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
PENDING = timedelta(minutes=10)  # to decide about a key pair; CloudStack's own session lasts longer
_TOUCH = timedelta(seconds=60)  # how exact `seen` is
_AGENT_LIMIT = 200  # characters
_COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Browser(msgspec.Struct, frozen=True):
    """A signed-in browser.

    Without a `credential_id` its user still has to choose a key pair; `pending` is the sealed CloudStack session.
    """

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
        old_cookie: str,
        *,
        credential_id: str | None = None,
        user_name: str = "",
        pending: bytes | None = None,
        agent: str = "",
    ) -> str:
        """Start a session that replaces the one of `old_cookie`. Return the value of the new cookie."""
        cookie, moment = random_text(), now()
        browser = Browser(
            hash=digest(cookie),
            credential_id=credential_id,
            user_name=user_name,
            pending=pending,
            agent=agent[:_AGENT_LIMIT],
            created=moment,
            seen=moment,
            ends=moment + (LONGEST if credential_id else PENDING),
        )
        async with writing(self._engine) as connection:
            await connection.execute(delete(browsers).where(browsers.c.hash == digest(old_cookie)))
            await connection.execute(delete(browsers).where(_ended(moment)))
            await connection.execute(insert(browsers).values(msgspec.structs.asdict(browser)))
        return cookie

    async def find(self, cookie: str) -> Browser | None:
        """Return the session of a cookie unless it has ended, and record the visit."""
        moment = now()
        query = select(browsers).where(browsers.c.hash == digest(cookie), ~_ended(moment))
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
        """Return the sessions of these credentials that have not ended, most recently seen first."""
        query = select(browsers).where(browsers.c.credential_id.in_(credential_ids), ~_ended(now()))
        async with reading(self._engine) as connection:
            rows = await connection.execute(query.order_by(browsers.c.seen.desc()))
            return [Browser(**row._asdict()) for row in rows]

    async def close(self, cookie_hash: str) -> None:
        """End the session whose cookie has this hash."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(browsers).where(browsers.c.hash == cookie_hash))


def _ended(moment: datetime) -> ColumnElement[bool]:
    return (browsers.c.ends <= moment) | (browsers.c.seen <= moment - IDLE)


class Visit(msgspec.Struct, frozen=True):
    """A request with its cookie. `browser` is None if nobody is signed in."""

    cookie: str
    browser: Browser | None

    @property
    def csrf(self) -> str:
        """The token in this visitor's forms. Other sites cannot compute it, because they cannot read the cookie."""
        return hashlib.sha256(f"csrf {self.cookie}".encode()).hexdigest()

    @property
    def signed_in(self) -> Browser | None:
        """The session, if its user has a key pair."""
        return self.browser if self.browser and self.browser.credential_id else None


async def find_visit(sessions: Sessions, request: falcon.asgi.Request) -> Visit | None:
    """Return the visit that a request's cookie belongs to; None if it has no cookie of ours."""
    cookie = request.cookies.get(COOKIE, "")
    return Visit(cookie, await sessions.find(cookie)) if _COOKIE_VALUE.fullmatch(cookie) else None


async def visit_of(sessions: Sessions, request: falcon.asgi.Request, response: falcon.asgi.Response) -> Visit:
    """Return the visit that a request belongs to. A newcomer gets a cookie."""
    visit = await find_visit(sessions, request)
    if visit is None:
        visit = Visit(random_text(), None)
        set_cookie(response, visit.cookie)
    return visit


def set_cookie(response: falcon.asgi.Response, cookie: str) -> None:
    """Set the cookie until the browser is closed."""
    response.set_cookie(COOKIE, cookie, path="/", secure=True, http_only=True, same_site="Lax")


def remove_cookie(response: falcon.asgi.Response) -> None:
    """Remove the cookie. A `__Host-` cookie can only be changed with the same attributes."""
    response.set_cookie(COOKIE, "", expires=_LONG_AGO, path="/", secure=True, http_only=True, same_site="Lax")
