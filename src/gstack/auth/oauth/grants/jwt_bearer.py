"""JWT bearer (RFC 7523): an assertion that a service-account key signed, for an access token or an id token.

Google's clients name Google's token URL as the audience, whatever `token_uri` says; ours is taken too. gcloud asks for
an id token first (`target_audience`), then for an access token.
"""

from authlib.oauth2.rfc6749.errors import InvalidGrantError, UnauthorizedClientError

from gstack.auth import tokens as issue
from gstack.auth.auth import Auth
from gstack.auth.keys.service_accounts import unique_id
from gstack.auth.oauth import scopes, service_accounts
from gstack.auth.oauth.jwt import Claims, UntrustedError
from gstack.auth.oauth.requests import Form
from gstack.auth.store import Credential, ServiceKey
from gstack.auth.tokens import Granted


async def grant(auth: Auth, form: Form) -> Granted:
    """Exchange an assertion. Raises InvalidGrantError where it proves nothing."""
    try:
        signed, key = await service_accounts.verified(auth.store, form.need("assertion"))
    except UntrustedError as error:
        raise InvalidGrantError(str(error)) from error
    _check_purpose(auth, signed.claims)
    granted = scopes.granted(signed.claims.scope or "")
    credential = await auth.in_standing(key.credential_id)
    if credential is None:
        raise InvalidGrantError("The key pair behind this service account was revoked, here or at CloudStack.")
    if signed.claims.target_audience:
        return await _identity(auth, key, signed.claims.target_audience)
    return await _access(auth, key, credential, granted)


async def _identity(auth: Auth, key: ServiceKey, audience: str) -> Granted:
    token = await auth.identities.token(audience, key.email, unique_id(key.email))
    return Granted({"id_token": token}, key.email, key=key.key_id)


def _check_purpose(auth: Auth, claims: Claims) -> None:
    audiences = claims.audiences
    if not audiences or not all(auth.addresses.is_token_url(audience) for audience in audiences):
        raise InvalidGrantError("aud must be the URL of this token endpoint, or Google's.")
    if claims.sub not in {"", claims.iss}:
        raise UnauthorizedClientError("A service account speaks for itself here: leave sub out.")


async def _access(auth: Auth, key: ServiceKey, credential: Credential, granted: str) -> Granted:
    family = issue.key_family(key.key_id)
    issued = issue.access(
        issue.Grant(credential.id, unique_id(key.email), granted, family, user=key.email, ends=key.expires)
    )
    await auth.store.add_tokens(*issued.rows)
    return Granted(issued.answer, key.email, credential.account, granted, key.key_id)
