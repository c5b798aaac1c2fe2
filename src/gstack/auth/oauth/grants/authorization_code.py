"""Authorization code (RFC 6749, 4.1, with PKCE, RFC 7636): a code from /oauth2/auth and the client's secret for tokens.

The secret of a key-pair client is a CloudStack secret key, so it is verified with CloudStack before anything is issued.
Public clients need the secret that everybody knows, as gcutil sends it, or PKCE: a code alone brings nothing. A code
works once; a second use revokes the tokens of the first.
"""

import hmac

from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.oauth import clients
from gstack.auth.oauth.requests import TokenRequest
from gstack.auth.store import CODE, Token, now
from gstack.auth.tokens import Authorization, Granted

_VERIFIER_LIMIT = 128  # characters


async def grant(auth: Auth, request: TokenRequest) -> Granted:
    """Exchange a code. Raises InvalidGrantError if it is not this client's, has expired or was used."""
    code = await _find_code(auth, request)
    credential = await clients.authenticate(auth, request, code)
    if not request.client_secret and not code.data["challenge"]:
        raise InvalidGrantError("Send client_secret, or request the code with a code_challenge (PKCE).")
    authorization = Authorization(credential.id, request.client_id, code.scopes, code.family)
    new = tokens.new_access_and_refresh_tokens(authorization, code.scopes)
    if not await auth.store.exchange(code, *new.rows):
        await auth.announce_revocation()
        raise InvalidGrantError("The code was used before. Its tokens are revoked. Sign in again.")
    nonce = code.data.get("nonce", "")
    id_token = await auth.id_tokens.sign(request.client_id, credential.user, credential.account_id, nonce)
    return Granted(new.answer | {"id_token": id_token}, credential.user, credential.account, code.scopes)


async def _find_code(auth: Auth, request: TokenRequest) -> Token:
    """Return the row of the code, even if it was used: a replay is noticed once the client has authenticated."""
    code = await auth.store.token(tokens.digest(request.require("code")), CODE)
    if code is None or code.expires <= now() or code.client_id != request.client_id:
        raise InvalidGrantError("The code is unknown, has expired or belongs to another client.")
    if code.data["redirect_uri"] != request.get("redirect_uri"):
        raise InvalidGrantError("redirect_uri is not the one that the code was requested with.")
    _check_verifier(code.data["challenge"], request.get("code_verifier"))
    return code


def _check_verifier(challenge: str, verifier: str) -> None:
    """Check PKCE. A challenge needs a verifier and a verifier needs a challenge (RFC 9700, 2.1.1)."""
    if not challenge and not verifier:
        return
    readable = verifier.isascii() and len(verifier) <= _VERIFIER_LIMIT
    if not readable or not hmac.compare_digest(create_s256_code_challenge(verifier), challenge):
        raise InvalidGrantError("code_verifier does not fit the code_challenge that the code was requested with.")
