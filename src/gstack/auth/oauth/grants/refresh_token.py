"""Refresh (RFC 6749, 6): each refresh brings a new refresh token; the old one ends when the new one is used.

Google's clients never expect a new one: gcloud (and every library that reads a credentials file) drops it and comes
back with the old one for months. Clients that do keep it rotate. So a token that comes back is a replay where its
successor was used: then somebody has a copy, nobody can tell who, and the whole family ends (RFC 9700, 4.14.2). Of
successors only the newest lives. The CloudStack pair is proved each time: where the client is a key pair, a stolen
refresh token is worth nothing without its secret (of a public client the token is all it takes), and keys that were
withdrawn at CloudStack end here within the hour.
"""

from authlib.oauth2.rfc6749.errors import InvalidGrantError

from gstack.auth import opaque
from gstack.auth import tokens as issue
from gstack.auth.auth import Auth
from gstack.auth.oauth import clients as registered_clients
from gstack.auth.oauth import scopes
from gstack.auth.oauth.requests import Form
from gstack.auth.store import REFRESH, Token, now
from gstack.auth.tokens import Granted


async def grant(auth: Auth, form: Form) -> Granted:
    """Exchange a refresh token. Raises InvalidGrantError where it is not this client's, has ended or was replaced."""
    token = await _token(auth, form)
    credential = await registered_clients.holder(auth, form, token)
    granted = scopes.narrowed(form.get("scope"), token.scopes)
    renewed = issue.Grant(credential.id, form.client_id, granted, token.family)
    issued = issue.with_refresh(renewed, token.scopes, parent=token.hash)
    if not await auth.store.rotate(token, *issued.rows):
        await auth.announce_revocation()
        raise InvalidGrantError("The refresh token was replaced before. Its whole family is revoked; sign in again.")
    identity = await auth.identities.token(form.client_id, credential.user, credential.account_id)
    return Granted(issued.answer | {"id_token": identity}, credential.user, credential.account, granted)


async def _token(auth: Auth, form: Form) -> Token:
    """The refresh token as it was issued; replaced ones too, so that a replay is seen."""
    token = await auth.store.token(opaque.digest(form.need("refresh_token")), REFRESH)
    if token is None or token.expires <= now() or token.client_id != form.client_id:
        raise InvalidGrantError("The refresh token is unknown, has ended or belongs to another client.")
    return token
