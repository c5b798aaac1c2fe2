"""The token endpoint (RFC 6749, 3.2): reads the form, hands it to the grant, answers.

Failures will be counted here, per address and per client, when back-off comes: `_granted` sees them all.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import falcon.asgi
from authlib.oauth2.rfc6749.errors import UnsupportedGrantTypeError

from gstack.auth.auth import Auth
from gstack.auth.forms import Form, answer, read_form
from gstack.auth.grants import authorization_code, client_credentials, jwt_bearer, refresh_token

_PRUNE_SECONDS = 600.0

GRANTS: dict[str, Callable[[Auth, Form], Awaitable[dict[str, Any]]]] = {
    "authorization_code": authorization_code.grant,
    "refresh_token": refresh_token.grant,
    "client_credentials": client_credentials.grant,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": jwt_bearer.grant,
}


class TokenEndpoint:
    """POST a form, get tokens."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._pruned = float("-inf")

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await answer(response, lambda: self._granted(request))

    async def _granted(self, request: falcon.asgi.Request) -> dict[str, Any]:
        form = await read_form(request)
        grant = GRANTS.get(form.need("grant_type"))
        if grant is None:
            raise UnsupportedGrantTypeError(_shown(form.get("grant_type")))
        await self._prune()
        return await grant(self._auth, form)

    async def _prune(self) -> None:
        """Drop tokens that ended long ago, now and then."""
        if self._pruned + _PRUNE_SECONDS < time.monotonic():
            self._pruned = time.monotonic()
            await self._auth.store.prune()


def _shown(grant_type: str) -> str:
    """What a client sent, fit for RFC 6749's narrow alphabet."""
    return "".join(letter for letter in grant_type[:80] if (letter.isascii() and letter.isalnum()) or letter in "_:-.")
