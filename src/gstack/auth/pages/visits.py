"""A visit to our pages: its cookie, its CSRF token, and who is signed in.

One cookie, `__Host-gstack`: sent back over TLS only, to this host only, unreadable for scripts, and not along with
other sites' forms and frames (SameSite=Lax: a link to /oauth2/auth must find the session). Every visitor has one, also
before the sign-in, whose form is thereby protected too (login CSRF). A form carries a token made from the cookie's
value, which no other site can read; and browsers that say where a request comes from must say it is from here.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime

import falcon.asgi
import msgspec

from gstack.auth import opaque
from gstack.auth.auth import Auth
from gstack.auth.oauth.requests import read_fields
from gstack.auth.pages.sessions import Browser
from gstack.errors import Problem

COOKIE = "__Host-gstack"
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_FROM_HERE = frozenset({"", "same-origin", "none"})


class Visit(msgspec.Struct, frozen=True):
    """Who visits. `browser` is None where nobody is signed in."""

    secret: str
    browser: Browser | None

    @property
    def csrf(self) -> str:
        """What a form of this visitor carries."""
        return hashlib.sha256(f"csrf {self.secret}".encode()).hexdigest()

    @property
    def signed_in(self) -> Browser | None:
        """The session of somebody whose key pair is known."""
        return self.browser if self.browser and self.browser.credential_id else None


async def visit(auth: Auth, request: falcon.asgi.Request, response: falcon.asgi.Response) -> Visit:
    """Return who asks; a newcomer gets a cookie."""
    known = await _known(auth, request)
    if known:
        return known
    secret = opaque.new("")
    give_cookie(response, secret)
    return Visit(secret, None)


async def _known(auth: Auth, request: falcon.asgi.Request) -> Visit | None:
    secret = request.cookies.get(COOKIE, "")
    if not _VALUE.fullmatch(secret):
        return None
    return Visit(secret, await auth.sessions.find(secret))


async def posted(auth: Auth, request: falcon.asgi.Request) -> tuple[Visit, dict[str, str]]:
    """Read a form that one of our own pages sent. Raises Problem 403 for any other."""
    known = await _known(auth, request)
    fields = await read_fields(request)
    sent = fields.get("csrf", "")
    from_here = (request.get_header("Sec-Fetch-Site") or "") in _FROM_HERE
    if known is None or not from_here or not hmac.compare_digest(sent.encode(), known.csrf.encode()):
        raise Problem.forbidden("This form is too old, or did not come from this site. Go back, reload, try again.")
    return known, fields


def give_cookie(response: falcon.asgi.Response, secret: str) -> None:
    """Set the cookie, until the browser is closed."""
    response.set_cookie(COOKIE, secret, path="/", secure=True, http_only=True, same_site="Lax")


def take_cookie(response: falcon.asgi.Response) -> None:
    """Remove the cookie. A `__Host-` cookie can only be changed with the same attributes."""
    response.set_cookie(COOKIE, "", expires=_LONG_AGO, path="/", secure=True, http_only=True, same_site="Lax")


def is_local(path: str) -> bool:
    """True where a page may be returned to after the sign-in: one of ours, nothing that a browser reads otherwise."""
    return bool(re.fullmatch(r"/(?:[a-z0-9][\x21-\x5b\x5d-\x7e]*)?", path)) and len(path) <= _LONGEST


_LONGEST = 8000  # characters
