"""The token endpoint (RFC 6749, 3.2): reads the form, hands it to the grant, answers.

Every request is one line of the audit log, and every failure counts (gstack.auth.limits).
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import falcon.asgi
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import UnsupportedGrantTypeError

from gstack.auth.auth import Auth
from gstack.auth.oauth import jwt
from gstack.auth.oauth.clients import GOOGLE
from gstack.auth.oauth.grants import authorization_code, client_credentials, jwt_bearer, refresh_token, token_exchange
from gstack.auth.oauth.requests import Form, answer, read_form
from gstack.auth.opaque import shown
from gstack.auth.tokens import Granted
from gstack.errors import ApiError

_PRUNE_SECONDS = 600.0
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGNED = {_JWT_BEARER, token_exchange.GRANT_TYPE}  # what is shown is a signature, which nobody can guess

GRANTS: dict[str, Callable[[Auth, Form], Awaitable[Granted]]] = {
    "authorization_code": authorization_code.grant,
    "refresh_token": refresh_token.grant,
    "client_credentials": client_credentials.grant,
    _JWT_BEARER: jwt_bearer.grant,
    token_exchange.GRANT_TYPE: token_exchange.grant,
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
        return await self._audited(grant, form, request.remote_addr or "")

    async def _audited(
        self, grant: Callable[[Auth, Form], Awaitable[Granted]], form: Form, address: str
    ) -> dict[str, Any]:
        what, claimed = form.get("grant_type").rpartition(":")[2], _claimed(form)
        told = {"what": what, "address": address}
        try:
            signed = form.get("grant_type") in SIGNED
            async with self._auth.limits.attempt(address, _counted(form, claimed), guessable=not signed):
                granted = await grant(self._auth, form)
        except (OAuth2Error, ApiError) as error:
            result = error.reason if isinstance(error, ApiError) else error.error
            self._auth.audit.write("token", claimed=shown(claimed), **told, result=result)
            raise
        facts = {"who": granted.who, "account": granted.account, "scopes": granted.scopes, "key": granted.key}
        self._auth.audit.write("token", **facts, **told, client=shown(form.client_id), result="granted")
        return granted.answer

    async def _prune(self) -> None:
        """Drop tokens and failures that ended long ago, now and then."""
        if self._pruned + _PRUNE_SECONDS < time.monotonic():
            self._pruned = time.monotonic()
            await self._auth.store.prune()
            await self._auth.limits.prune()


def _claimed(form: Form) -> str:
    """Who the client says it is: its id, or what its JWT says, of which nothing is proven yet."""
    if form.client_id and form.get("grant_type") not in SIGNED:
        return form.client_id
    try:
        claims = jwt.read(form.get("assertion") or form.get("subject_token")).claims
    except jwt.UntrustedError:
        return ""
    return f"{claims.iss} {claims.sub}".strip()


def _counted(form: Form, claimed: str) -> str:
    """Whose failures count together, by kind: who proves one thing has proved no other.

    Google's client ids are everybody's, so there it is what was shown that counts.
    """
    if form.get("grant_type") in SIGNED:
        return f"signed {claimed}"
    if form.client_id not in GOOGLE:
        return f"client {claimed}"
    return f"client {form.client_id} {form.get('code') or form.get('refresh_token')}"


def _shown(grant_type: str) -> str:
    """What a client sent, fit for RFC 6749's narrow alphabet."""
    return "".join(letter for letter in grant_type[:80] if (letter.isascii() and letter.isalnum()) or letter in "_:-.")
