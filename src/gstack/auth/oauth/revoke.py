"""Revocation (RFC 7009, and Google's way of it): whoever has a token may revoke it, and its whole family."""

from typing import Any

import falcon.asgi
from authlib.oauth2.rfc6749.errors import InvalidRequestError

from gstack.auth.auth import Auth
from gstack.auth.keys.key_pairs import abbreviated
from gstack.auth.oauth.requests import answer, read_parameter
from gstack.auth.tokens import digest, is_key_family


class RevokeEndpoint:
    """POST or GET with `token`, which Google accepts in the query too. An unknown token is not an error (7009, 2.2)."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await answer(response, lambda: self._revoke(request))

    on_get = on_post

    async def _revoke(self, request: falcon.asgi.Request) -> dict[str, Any]:
        text = await read_parameter(request, "token")
        if not text:
            raise InvalidRequestError("Missing parameter: token")
        token = await self._auth.store.token(digest(text))
        if token is None:
            return {}
        if is_key_family(token.family):  # each token of a service account was requested separately
            await self._auth.store.revoke_token(token.hash)
        else:
            await self._auth.store.revoke_family(token.family)
        await self._auth.announce_revocation()
        credential = await self._auth.store.credential(token.credential_id or "")
        facts = {"account": credential.account if credential else "", "client": abbreviated(token.client_id)}
        who = token.data.get("user") or (credential.user if credential else "")
        self._auth.audit.write("token", what="revoked", who=who, **facts, result="done")
        return {}
