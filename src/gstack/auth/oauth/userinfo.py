"""Whose token it is: userinfo (OpenID Connect Core, 5.3) and Google's tokeninfo."""

from typing import Any

import falcon.asgi
from authlib.oauth2.base import OAuth2Error

from gstack.auth.auth import Auth
from gstack.auth.oauth.requests import answer, read_parameter, send_json
from gstack.auth.store import now
from gstack.auth.tokens import digest
from gstack.errors import ApiError


class UserinfoEndpoint:
    """GET or POST with a bearer token. One answer serves all of Google's versions, which differ only in names."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        try:
            caller = await self._auth.guard(request)
        except ApiError as problem:
            send_json(response, problem.envelope(), problem.status)
            response.set_headers(problem.headers)
            return
        info = {
            "sub": caller.account_id,
            "id": caller.account_id,
            "name": caller.account,
            "email": caller.user,
            "email_verified": True,
            "verified_email": True,
        }
        send_json(response, info)

    on_post = on_get


class InvalidTokenError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The token is not valid (Google's tokeninfo)."""

    error = "invalid_token"


class TokeninfoEndpoint:
    """GET or POST with `access_token`: what the token is good for. Whoever has it may ask."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await answer(response, lambda: self._info(request))

    on_post = on_get

    async def _info(self, request: falcon.asgi.Request) -> dict[str, Any]:
        found = await self._auth.store.valid_access_token(digest(await read_parameter(request, "access_token")))
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
