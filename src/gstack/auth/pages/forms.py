"""The forms of our pages: only our own pages can send them, and each leads to another page.

A form contains a token that is computed from the visitor's cookie, which no other site can read. Browsers that say
where a request comes from must also say that it comes from here.
"""

import hmac
import re
from collections.abc import Awaitable, Callable

import falcon.asgi
import msgspec

from gstack.auth.auth import Auth
from gstack.auth.oauth.requests import read_fields
from gstack.auth.pages import rendering
from gstack.auth.pages.sessions import Visit, find_visit
from gstack.auth.store import Credential
from gstack.errors import Problem

_SAME_SITE = frozenset({"", "same-origin", "none"})
_LOCAL_PATH = re.compile(r"/(?:[a-z0-9][\x21-\x5b\x5d-\x7e]*)?")
_PATH_LIMIT = 8000  # characters


class Submission(msgspec.Struct, frozen=True):
    """A form that one of our own pages sent, and the response to it."""

    request: falcon.asgi.Request
    response: falcon.asgi.Response
    visit: Visit
    fields: dict[str, str]

    @property
    def next_page(self) -> str:
        """The page that the form asks for, if it is one of ours; else the start page."""
        return local_path(self.fields.get("next", "/"))


Handler = Callable[[Auth, Submission], Awaitable[None]]
SignedInHandler = Callable[[Auth, Submission, Credential], Awaitable[None]]
Page = Callable[[Auth, falcon.asgi.Request, falcon.asgi.Response], Awaitable[None]]


class FormEndpoint:
    """POST: `handle` the form. GET: `show` a page, or else the start page, for browsers that return from history."""

    def __init__(self, auth: Auth, handle: Handler, show: Page | None = None) -> None:
        self._auth = auth
        self._handle = handle
        self._show = show

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        show = self._show
        if show is None:
            rendering.redirect(response, "/")
        else:
            await rendering.answer(response, lambda: show(self._auth, request, response))

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        async def work() -> None:
            visit = await find_visit(self._auth.sessions, request)
            fields = await read_fields(request)
            same_site = (request.get_header("Sec-Fetch-Site") or "") in _SAME_SITE
            csrf = fields.get("csrf", "").encode()
            if visit is None or not same_site or not hmac.compare_digest(csrf, visit.csrf.encode()):
                raise Problem.forbidden(
                    "This form is too old, or did not come from this site. Reload the page and try again."
                )
            await self._handle(self._auth, Submission(request, response, visit, fields))

        await rendering.answer(response, work)


def signed_in_form(auth: Auth, handle: SignedInHandler) -> FormEndpoint:
    """Return an endpoint for a form that only somebody who is signed in may send."""

    async def check(auth: Auth, form: Submission) -> None:
        credential = await credential_of(auth, form.visit)
        if credential is None:
            raise Problem.forbidden("You are not signed in any more. Go to the start page and sign in.")
        await handle(auth, form, credential)

    return FormEndpoint(auth, check)


async def credential_of(auth: Auth, visit: Visit) -> Credential | None:
    """Return the credential of a visitor; None if nobody is signed in or the credential was revoked."""
    if visit.signed_in is None:
        return None
    credential = await auth.store.credential(visit.signed_in.credential_id or "")
    return credential if credential and not credential.revoked else None


def local_path(path: str) -> str:
    """Return a path if it is one of our pages, and nothing that a browser takes for another host; else `/`."""
    return path if _LOCAL_PATH.fullmatch(path) and len(path) <= _PATH_LIMIT else "/"
