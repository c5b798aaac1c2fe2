"""Refresh (RFC 6749, 6): each refresh brings a new refresh token, and using the new one ends the old one.

Google's clients never expect a new one: gcloud, and every library that reads a credentials file, ignores it and uses
the old one for months. Clients that do store the new one rotate. So using an old token is a replay only if its
successor was used before. Then somebody has a copy, nobody can tell who, and the whole family is revoked (RFC 9700,
4.14.2). Only the newest successor is valid.

The CloudStack pair is verified each time, so a pair that was withdrawn in CloudStack ends here within the hour. If the
client is a key pair, a stolen refresh token is worth nothing without its secret; for a public client the token is
enough.
"""

from authlib.oauth2.rfc6749.errors import InvalidGrantError

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.oauth import clients, scopes
from gstack.auth.oauth.requests import TokenRequest
from gstack.auth.store import REFRESH, now
from gstack.auth.tokens import Authorization, Granted


async def grant(auth: Auth, request: TokenRequest) -> Granted:
    """Exchange a refresh token. Raises InvalidGrantError if it is not this client's, has expired or was replaced."""
    # A replaced token is found too, so that a replay is noticed.
    token = await auth.store.token(tokens.digest(request.require("refresh_token")), REFRESH)
    if token is None or token.expires <= now() or token.client_id != request.client_id:
        raise InvalidGrantError("The refresh token is unknown, has expired or belongs to another client.")
    credential = await clients.authenticate(auth, request, token)
    granted = scopes.narrowed(request.get("scope"), token.scopes)
    authorization = Authorization(credential.id, request.client_id, granted, token.family)
    new = tokens.new_access_and_refresh_tokens(authorization, token.scopes, parent=token.hash)
    if not await auth.store.rotate(token, *new.rows):
        await auth.announce_revocation()
        raise InvalidGrantError("The refresh token was replaced before. Its whole family is revoked. Sign in again.")
    id_token = await auth.id_tokens.sign(request.client_id, credential.user, credential.account_id)
    return Granted(new.answer | {"id_token": id_token}, credential.user, credential.account, granted)
