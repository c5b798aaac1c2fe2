"""Token exchange (RFC 8693): an issuer's token that the operator trusts, e.g. a CI system's, for an access token.

Google's libraries do this with an external-account file: `audience` names the provider, whose last part is the
issuer's name in our settings. `gstack trust` says which account a token stands for. The client stores no secret.
"""

from datetime import UTC, datetime, timedelta

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.oauth import jwt, scopes, trust
from gstack.auth.oauth.requests import TokenRequest
from gstack.auth.tokens import Authorization, Granted

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # RFC 8693's name for it
TOKEN_TYPES = frozenset({"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"})
_PROVIDERS = "/providers/"


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The token is requested for something that is not here (RFC 8693, 2.2.2)."""

    error = "invalid_target"


async def grant(auth: Auth, request: TokenRequest) -> Granted:
    """Exchange a token. Raises InvalidGrantError if it proves nothing, or is not mapped to an account."""
    _check_request(auth, request)
    token = request.require("subject_token")
    try:
        issuer, claims = await auth.issuers.verify(token, _accepted_issuers(auth, request.get("audience")))
        mapping = await trust.find_mapping(auth.store.engine, issuer, claims)
    except jwt.UntrustedError as error:
        # RFC 6749 allows few characters in a description.
        legal = (letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in str(error))
        raise InvalidGrantError("".join(legal)) from error
    ends = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=jwt.SKEW)
    granted = scopes.granted(request.get("scope"))
    credential = await auth.usable_credential(mapping.credential_id)
    if credential is None:
        raise InvalidGrantError("The key pair behind this account was revoked, here or in CloudStack.")
    family = tokens.key_family(mapping.id)
    authorization = Authorization(credential.id, mapping.id, granted, family, user=mapping.email, ends=ends)
    new = tokens.new_access_token(authorization)
    await auth.store.add_tokens(*new.rows)
    await trust.touch(auth.store.engine, mapping)
    answer = new.answer | {"issued_token_type": ACCESS_TOKEN}
    return Granted(answer, mapping.email, credential.account, granted, mapping.id)


def _check_request(auth: Auth, request: TokenRequest) -> None:
    if request.require("subject_token_type") not in TOKEN_TYPES:
        raise InvalidRequestError("subject_token_type must be that of a JWT or an id token.")
    if request.get("requested_token_type") not in {"", ACCESS_TOKEN}:
        raise InvalidRequestError("requested_token_type: only access tokens are issued here.")
    if request.get("actor_token"):
        raise InvalidRequestError("actor_token: nobody can act for another user here.")
    if request.get("resource") and not auth.addresses.is_api_url(request.get("resource")):
        raise InvalidTargetError("resource is not this API.")


def _accepted_issuers(auth: Auth, audience: str) -> frozenset[str]:
    """Return the issuers that the client accepts: the one of the provider that it names, or all if it names none."""
    if not audience:
        return frozenset(auth.issuers.trust)
    name = audience.rpartition(_PROVIDERS)[2]
    if name not in auth.issuers.trust:
        raise InvalidTargetError("audience names no issuer that is trusted here.")
    return frozenset({name})
