"""Client credentials (RFC 6749, 4.4): a CloudStack key pair as client id and secret, for machines."""

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.oauth import scopes
from gstack.auth.oauth.requests import TokenRequest
from gstack.auth.tokens import Authorization, Granted


async def grant(auth: Auth, request: TokenRequest) -> Granted:
    """Exchange a key pair for an access token. There is no refresh token, because the client has the pair (4.4.3)."""
    granted = scopes.granted(request.get("scope"))
    credential = await auth.verify_pair(request.keys)
    new = tokens.new_access_token(Authorization(credential.id, request.client_id, granted, tokens.new_family()))
    await auth.store.add_tokens(*new.rows)
    return Granted(new.answer, credential.user, credential.account, granted)
