"""Who a token speaks for: userinfo (OpenID Connect Core, 5.3) and Google's tokeninfo."""

from typing import Any

import falcon.asgi
from authlib.oauth2.base import OAuth2Error

from gstack.auth import opaque
from gstack.auth.auth import Auth
from gstack.auth.caller import Caller
from gstack.auth.oauth.requests import answer, fields_of, give, read_fields
from gstack.auth.store import now
from gstack.errors import ApiError


class UserinfoEndpoint:
    """GET or POST with a bearer token. One answer for all of Google's versions, which differ in names only."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        try:
            caller = await self._auth.guard(request)
        except ApiError as problem:
            give(response, problem.envelope(), problem.status)
            response.set_headers(problem.headers)
            return
        give(response, _shown(caller))

    on_post = on_get


def _shown(caller: Caller) -> dict[str, Any]:
    return {
        "sub": caller.account_id,
        "id": caller.account_id,
        "name": caller.account,
        "email": caller.user,
        "email_verified": True,
        "verified_email": True,
    }


class InvalidTokenError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The token is not good (Google's tokeninfo)."""

    error = "invalid_token"


class TokeninfoEndpoint:
    """GET or POST with `access_token`: what it is good for. Who holds it may ask."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await answer(response, lambda: self._info(request))

    on_post = on_get

    async def _info(self, request: falcon.asgi.Request) -> dict[str, Any]:
        fields = fields_of(request.query_string)
        if "access_token" not in fields and request.method == "POST":
            fields = await read_fields(request)
        found = await self._auth.store.in_force(opaque.digest(fields.get("access_token", "")))
        if found is None:
            raise InvalidTokenError("Invalid Value")
        token, credential = found
        return {
            "azp": token.client_id,
            "aud": token.client_id,
            "sub": credential.account_id,
            "scope": token.scopes,
            "exp": str(int(token.expires.timestamp())),
            "expires_in": str(int((token.expires - now()).total_seconds())),
            "email": token.data.get("user") or credential.user,
            "email_verified": "true",
        }
