"""OAuth2 clients that are no CloudStack key pairs: Google's public ones, and those that the operator registers here.

Their users sign in and agree at our pages, so a code or refresh token of theirs stands for a CloudStack key pair that
the database keeps sealed. Google's installed tools carry a "secret" that everybody can read: it proves nothing, and is
only checked where it is sent. Where their codes may go is what keeps them honest: to the user's own machine alone.
"""

import hmac
import secrets
from typing import Any

import msgspec
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth import opaque
from gstack.auth.auth import Auth
from gstack.auth.keys import credentials
from gstack.auth.oauth import redirects
from gstack.auth.oauth.requests import Form
from gstack.auth.store import Credential, Token, now
from gstack.db.engine import reading, writing
from gstack.db.tables import clients
from gstack.errors import Problem

_END = ".apps.gstack"
_UNAUTHORIZED = 401
_NAME_LIMIT = 100  # characters


class OAuthClient(msgspec.Struct, frozen=True):
    """A client. `redirect_uris` is empty for Google's tools: loopback, and the two that are shown here."""

    id: str
    name: str
    redirect_uris: tuple[str, ...] = ()
    secret_hash: str | None = None
    secret_needed: bool = True

    def may_redirect(self, uri: str) -> bool:
        """True where a code of this client may go to this URI."""
        if not self.redirect_uris:
            return redirects.allowed(uri)
        return any(redirects.matches(known, uri) for known in self.redirect_uris)


def _google(client_id: str, name: str, secret: str) -> OAuthClient:
    return OAuthClient(client_id, name, secret_hash=opaque.digest(secret), secret_needed=False)


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
    return _client(row) if row else None


async def known(engine: AsyncEngine) -> dict[str, OAuthClient]:
    """Return all clients by id: Google's own, and those that were registered here."""
    return {**GOOGLE, **{client.id: client for client in await registered(engine)}}


async def registered(engine: AsyncEngine) -> list[OAuthClient]:
    """Return the clients that were registered here, oldest first."""
    async with reading(engine) as connection:
        rows = await connection.execute(select(clients).order_by(clients.c.created, clients.c.id))
        return [_client(row) for row in rows]


def _client(row: Any) -> OAuthClient:
    return OAuthClient(row.id, row.name, tuple(row.redirect_uris), row.secret_hash, row.secret_hash is not None)


async def register(engine: AsyncEngine, name: str, uris: tuple[str, ...], *, public: bool) -> tuple[OAuthClient, str]:
    """Register a client; return it and its secret, which is kept only as a hash (empty for a public client).

    Raises Problem 400 where a redirect URI is neither https nor http to this machine.
    """
    _check(name, uris)
    secret = "" if public else secrets.token_urlsafe(32)
    digest = opaque.digest(secret) if secret else None
    client = OAuthClient(f"{secrets.token_hex(12)}{_END}", name.strip(), uris, digest, not public)
    row = {"id": client.id, "name": client.name, "redirect_uris": list(uris), "secret_hash": digest, "created": now()}
    async with writing(engine) as connection:
        await connection.execute(insert(clients).values(row))
    return client, secret


def _check(name: str, uris: tuple[str, ...]) -> None:
    if not name.strip() or len(name) > _NAME_LIMIT or not name.isprintable():
        raise Problem.invalid("name", f"Give a name that users recognise, of at most {_NAME_LIMIT} characters.")
    if not uris:
        raise Problem.required("redirect_uris")
    for uri in uris:
        if not redirects.is_registrable(uri):
            raise Problem.invalid("redirect_uris", f"{uri!r} must be an https URL, or http to localhost.")


async def remove(engine: AsyncEngine, client_id: str) -> bool:
    """Forget a client: its tokens cannot be renewed any more. False where there is none."""
    async with writing(engine) as connection:
        return bool((await connection.execute(delete(clients).where(clients.c.id == client_id))).rowcount)


async def holder(auth: Auth, form: Form, granted: Token) -> Credential:
    """Prove the client of a code or refresh token, and return whose it is.

    A key-pair client is its own proof. Others name the pair that their user signed in with; CloudStack is asked for it
    each time, so that a pair which was withdrawn there ends here. Raises InvalidClientError, InvalidGrantError.
    """
    if opaque.is_api_key(form.client_id):
        return await auth.proved(form.keys)
    await _authenticate(auth, form)
    credential = await auth.store.credential(granted.credential_id or "")
    if credential is None or credential.revoked:
        raise InvalidGrantError("The key pair behind this sign-in was revoked. Sign in again.")
    try:
        return await auth.proved(credentials.unsealed(auth.seal, credential))
    except Problem as problem:
        if problem.status != _UNAUTHORIZED:
            raise
        text = "CloudStack does not accept the key pair behind this sign-in any more. Sign in again."
        raise InvalidGrantError(text) from problem


async def _authenticate(auth: Auth, form: Form) -> None:
    client = await find(auth.store.engine, form.client_id)
    if client is None:
        raise InvalidClientError("This client is not registered here.", status_code=_UNAUTHORIZED)
    if not form.client_secret and not client.secret_needed:
        return
    if not hmac.compare_digest(opaque.digest(form.client_secret), client.secret_hash or ""):
        raise InvalidClientError("The client secret is wrong.", status_code=_UNAUTHORIZED)
