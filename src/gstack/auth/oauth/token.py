"""The token endpoint (RFC 6749, 3.2): reads the request, hands it to the grant, answers.

Every request is one line in the audit log, and every failure counts towards the limits (gstack.auth.limits).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import falcon.asgi
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import UnsupportedGrantTypeError

from gstack.auth.auth import Auth
from gstack.auth.keys.key_pairs import abbreviated
from gstack.auth.oauth import jwt
from gstack.auth.oauth.clients import GOOGLE
from gstack.auth.oauth.grants import (
    authorization_code,
    client_credentials,
    jwt_bearer,
    refresh_token,
    token_exchange,
)
from gstack.auth.oauth.requests import TokenRequest, answer, read_token_request
from gstack.auth.tokens import Granted
from gstack.errors import ApiError

SIGNED = {jwt_bearer.GRANT_TYPE, token_exchange.GRANT_TYPE}  # clients show a signature, which nobody can guess

Grant = Callable[[Auth, TokenRequest], Awaitable[Granted]]
GRANTS: dict[str, Grant] = {
    "authorization_code": authorization_code.grant,
    "refresh_token": refresh_token.grant,
    "client_credentials": client_credentials.grant,
    jwt_bearer.GRANT_TYPE: jwt_bearer.grant,
    token_exchange.GRANT_TYPE: token_exchange.grant,
}


class TokenEndpoint:
    """POST a form to get tokens."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await answer(response, lambda: self._grant(request))

    async def _grant(self, request: falcon.asgi.Request) -> dict[str, Any]:
        token_request = await read_token_request(request)
        grant_type = token_request.require("grant_type")
        grant = GRANTS.get(grant_type)
        if grant is None:
            legal = [
                letter for letter in grant_type[:80] if letter.isascii() and (letter.isalnum() or letter in "_:-.")
            ]
            raise UnsupportedGrantTypeError("".join(legal))
        await self._auth.prune()
        address, claimed = request.remote_addr or "", _claimed_name(token_request)
        facts = {"what": grant_type.rpartition(":")[2], "address": address}
        try:
            account, guessable = _counted_name(token_request, claimed), grant_type not in SIGNED
            async with self._auth.limits.attempt(address, account, guessable=guessable):
                granted = await grant(self._auth, token_request)
        except (OAuth2Error, ApiError) as error:
            result = error.reason if isinstance(error, ApiError) else error.error
            self._auth.audit.write("token", claimed=abbreviated(claimed), **facts, result=result)
            raise
        grantee = {"who": granted.who, "account": granted.account, "scopes": granted.scopes, "key": granted.key}
        client = abbreviated(token_request.client_id)
        self._auth.audit.write("token", **grantee, **facts, client=client, result="granted")
        return granted.answer


def _claimed_name(request: TokenRequest) -> str:
    """Return who the client claims to be, unverified: its id, or issuer and subject of its JWT."""
    if request.client_id and request.get("grant_type") not in SIGNED:
        return request.client_id
    try:
        claims = jwt.read(request.get("assertion") or request.get("subject_token")).claims
    except jwt.UntrustedError:
        return ""
    return f"{claims.iss} {claims.sub}".strip()


def _counted_name(request: TokenRequest, claimed: str) -> str:
    """Return the name under which failures are counted.

    It includes the kind of proof, so that a success with one kind does not excuse failures with another. Everybody uses
    Google's client ids, so for them the code or refresh token counts.
    """
    if request.get("grant_type") in SIGNED:
        return f"signed {claimed}"
    if request.client_id not in GOOGLE:
        return f"client {claimed}"
    return f"client {request.client_id} {request.get('code') or request.get('refresh_token')}"
