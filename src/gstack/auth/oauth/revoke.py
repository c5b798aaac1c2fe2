"""Revocation (RFC 7009, and Google's way of it): who holds a token may end it, and what came with it."""

from typing import Any

import falcon.asgi
from authlib.oauth2.rfc6749.errors import InvalidRequestError

from gstack.auth import opaque
from gstack.auth.auth import Auth
from gstack.auth.oauth.requests import answer, fields_of, read_fields
from gstack.auth.opaque import shown
from gstack.auth.tokens import is_key_family


class RevokeEndpoint:
    """POST or GET with `token`; in the query too, as Google takes it. An unknown token is no error (RFC 7009, 2.2)."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await answer(response, lambda: self._revoked(request))

    on_get = on_post

    async def _revoked(self, request: falcon.asgi.Request) -> dict[str, Any]:
        fields = fields_of(request.query_string)
        if "token" not in fields and request.method == "POST":
            fields = await read_fields(request)
        if not fields.get("token"):
            raise InvalidRequestError("Missing parameter: token")
        await self._revoke(opaque.digest(fields["token"]))
        return {}

    async def _revoke(self, digest: str) -> None:
        token = await self._auth.store.token(digest)
        if token is None:
            return
        if is_key_family(token.family):  # the other tokens of a service account were asked for on their own
            await self._auth.store.revoke_token(digest)
        else:
            await self._auth.store.revoke_family(token.family)
        await self._auth.announce_revocation()
        credential = await self._auth.store.credential(token.credential_id or "")
        facts = {"account": credential.account if credential else "", "client": shown(token.client_id)}
        who = token.data.get("user") or (credential.user if credential else "")
        self._auth.audit.write("token", what="revoked", who=who, **facts, result="done")
