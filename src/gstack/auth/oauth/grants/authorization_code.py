"""Authorization code (RFC 6749, 4.1, with PKCE, RFC 7636): the code of /oauth2/auth and the client's secret for tokens.

The secret is a CloudStack secret key, so it is proved against CloudStack before anything is given out. A code works
once; coming back with it revokes what it brought.
"""

import hmac

from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gstack.auth import opaque
from gstack.auth import tokens as issue
from gstack.auth.auth import Auth
from gstack.auth.oauth import clients as registered_clients
from gstack.auth.oauth.requests import Form
from gstack.auth.store import CODE, Token, now
from gstack.auth.tokens import Granted

_VERIFIER_LIMIT = 128  # characters


async def grant(auth: Auth, form: Form) -> Granted:
    """Exchange a code. Raises InvalidGrantError where it is not this client's, has ended or was used."""
    code = await _code(auth, form)
    credential = await registered_clients.holder(auth, form, code)
    granted = issue.Grant(credential.id, form.client_id, code.scopes, code.family)
    issued = issue.with_refresh(granted, code.scopes)
    if not await auth.store.exchange(code, *issued.rows):
        await auth.announce_revocation()
        raise InvalidGrantError("The code was used before. What it brought is revoked; sign in again.")
    nonce = code.data.get("nonce", "")
    identity = await auth.identities.token(form.client_id, credential.user, credential.account_id, nonce)
    return Granted(issued.answer | {"id_token": identity}, credential.user, credential.account, code.scopes)


async def _code(auth: Auth, form: Form) -> Token:
    """The code as it was issued; used ones too, so that a replay is seen once the client has proved itself."""
    code = await auth.store.token(opaque.digest(form.need("code")), CODE)
    if code is None or code.expires <= now() or code.client_id != form.client_id:
        raise InvalidGrantError("The code is unknown, has ended or belongs to another client.")
    if code.data["redirect_uri"] != form.get("redirect_uri"):
        raise InvalidGrantError("redirect_uri is not the one that the code was asked for.")
    _check_verifier(code.data["challenge"], form.get("code_verifier"))
    return code


def _check_verifier(challenge: str, verifier: str) -> None:
    """A challenge needs its verifier, and a verifier its challenge: neither side can leave it out (RFC 9700, 2.1.1)."""
    if not challenge and not verifier:
        return
    readable = verifier.isascii() and len(verifier) <= _VERIFIER_LIMIT
    if not readable or not hmac.compare_digest(create_s256_code_challenge(verifier), challenge):
        raise InvalidGrantError("code_verifier does not fit the code_challenge that the code was asked for with.")
