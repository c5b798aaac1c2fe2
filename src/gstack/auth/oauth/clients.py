"""OAuth2 clients that are not CloudStack key pairs: Google's public ones, and those that the operator registers.

Their users sign in and agree on our pages, so their codes and refresh tokens stand for a CloudStack key pair that the
database stores sealed. Google's installed tools have a "secret" that everybody can read: it proves nothing, and is only
checked if it is sent. What protects their users is where codes may go: only to the user's own machine.
"""

import hmac
import secrets
from typing import Any

import msgspec
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.keys.credentials import unseal_pair
from gstack.auth.keys.key_pairs import is_api_key
from gstack.auth.oauth import redirects
from gstack.auth.oauth.requests import TokenRequest
from gstack.auth.store import Credential, Token, now
from gstack.db.engine import reading, writing
from gstack.db.tables import clients
from gstack.errors import Problem

_ID_SUFFIX = ".apps.gstack"
_UNAUTHORIZED = 401
_NAME_LIMIT = 100  # characters


class OAuthClient(msgspec.Struct, frozen=True):
    """A client. Google's tools have no `redirect_uris`: they use loopback, or the two that are shown on a page."""

    id: str
    name: str
    redirect_uris: tuple[str, ...] = ()
    secret_hash: str | None = None
    secret_needed: bool = True

    def may_redirect(self, uri: str) -> bool:
        """Tell whether a code of this client may go to this URI."""
        if not self.redirect_uris:
            return redirects.allowed(uri)
        return any(redirects.matches(registered, uri) for registered in self.redirect_uris)


def _google(client_id: str, name: str, secret: str) -> OAuthClient:
    return OAuthClient(client_id, name, secret_hash=tokens.digest(secret), secret_needed=False)


# Source: gcloud's core/config.py and api_lib/auth/util.py; gcutil 1.15's auth_helper.py has the first one too.
GOOGLE = {
    client.id: client
    for client in (
        _google("32555940559.apps.googleusercontent.com", "Google Cloud SDK", "ZmssLNjJy2998hD4CTg2ejr2"),
        _google(
            "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com",
            "Google Auth Library",
            "d-FL95Q19q7MQmFpd7hHD0Ty",
        ),
    )
}


async def find(engine: AsyncEngine, client_id: str) -> OAuthClient | None:
    """Return a client by its id."""
    if client_id in GOOGLE:
        return GOOGLE[client_id]
    async with reading(engine) as connection:
        row = (await connection.execute(select(clients).where(clients.c.id == client_id))).first()
    return _from_row(row) if row else None


async def list_all(engine: AsyncEngine) -> dict[str, OAuthClient]:
    """Return all clients by id: Google's own, and those that were registered here."""
    return {**GOOGLE, **{client.id: client for client in await list_registered(engine)}}


async def list_registered(engine: AsyncEngine) -> list[OAuthClient]:
    """Return the clients that were registered here, oldest first."""
    async with reading(engine) as connection:
        rows = await connection.execute(select(clients).order_by(clients.c.created, clients.c.id))
        return [_from_row(row) for row in rows]


def _from_row(row: Any) -> OAuthClient:
    return OAuthClient(row.id, row.name, tuple(row.redirect_uris), row.secret_hash, row.secret_hash is not None)


async def register(engine: AsyncEngine, name: str, uris: tuple[str, ...], *, public: bool) -> tuple[OAuthClient, str]:
    """Register a client. Return it and its secret, which is empty for a public client and stored only as a hash.

    Raises Problem 400 if the name is unfit to show, or a redirect URI is neither https nor http to the same machine.
    """
    if not name.strip() or len(name) > _NAME_LIMIT or not name.isprintable():
        raise Problem.invalid("name", f"Give a name that users recognise, of at most {_NAME_LIMIT} characters.")
    if not uris:
        raise Problem.required("redirect_uris")
    for uri in uris:
        if not redirects.is_registrable(uri):
            raise Problem.invalid("redirect_uris", f"{uri!r} must be an https URL, or http to localhost.")
    secret = "" if public else secrets.token_urlsafe(32)
    digest = tokens.digest(secret) if secret else None
    client = OAuthClient(f"{secrets.token_hex(12)}{_ID_SUFFIX}", name.strip(), uris, digest, not public)
    row = {"id": client.id, "name": client.name, "redirect_uris": list(uris), "secret_hash": digest, "created": now()}
    async with writing(engine) as connection:
        await connection.execute(insert(clients).values(row))
    return client, secret


async def remove(engine: AsyncEngine, client_id: str) -> bool:
    """Forget a client, so that its tokens cannot be renewed. Return False if there is no such client."""
    async with writing(engine) as connection:
        return bool((await connection.execute(delete(clients).where(clients.c.id == client_id))).rowcount)


async def authenticate(auth: Auth, request: TokenRequest, token: Token) -> Credential:
    """Authenticate the client of a code or refresh token, and return the credential that the token stands for.

    A key-pair client authenticates with the pair itself. The others use the pair that their user signed in with; it is
    verified with CloudStack each time, so that a pair which was withdrawn there ends here too.
    Raises InvalidClientError, InvalidGrantError.
    """
    if is_api_key(request.client_id):
        return await auth.verify_pair(request.keys)
    client = await find(auth.store.engine, request.client_id)
    if client is None:
        raise InvalidClientError("This client is not registered here.", status_code=_UNAUTHORIZED)
    if request.client_secret or client.secret_needed:
        sent = tokens.digest(request.client_secret)
        if not hmac.compare_digest(sent, client.secret_hash or ""):
            raise InvalidClientError("The client secret is wrong.", status_code=_UNAUTHORIZED)
    credential = await auth.store.credential(token.credential_id or "")
    if credential is None or credential.revoked:
        raise InvalidGrantError("The key pair behind this sign-in was revoked. Sign in again.")
    try:
        return await auth.verify_pair(unseal_pair(auth.seal, credential))
    except Problem as problem:
        if problem.status != _UNAUTHORIZED:
            raise
        text = "CloudStack no longer accepts the key pair behind this sign-in. Sign in again."
        raise InvalidGrantError(text) from problem
