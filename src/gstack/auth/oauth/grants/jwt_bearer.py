"""JWT bearer (RFC 7523): an assertion that a service-account key signed, for an access token or an id token.

Google's clients name Google's token URL as the audience, whatever `token_uri` says; ours is accepted too. gcloud asks
for an id token first (`target_audience`), then for an access token.
"""

from authlib.oauth2.rfc6749.errors import InvalidGrantError, UnauthorizedClientError

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.keys.service_accounts import unique_id
from gstack.auth.oauth import jwt, scopes
from gstack.auth.oauth.requests import TokenRequest
from gstack.auth.tokens import Authorization, Granted

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


async def grant(auth: Auth, request: TokenRequest) -> Granted:
    """Exchange an assertion. Raises InvalidGrantError if it proves nothing."""
    try:
        signed, key = await jwt.verify_service_account(auth.store, request.require("assertion"))
    except jwt.UntrustedError as error:
        raise InvalidGrantError(str(error)) from error
    claims = signed.claims
    if not claims.audiences or not all(auth.addresses.is_token_url(audience) for audience in claims.audiences):
        raise InvalidGrantError("aud must be the URL of this token endpoint, or Google's.")
    if claims.sub not in {"", claims.iss}:
        raise UnauthorizedClientError("A service account cannot act for another user here. Leave sub out.")
    granted = scopes.granted(claims.scope or "")
    credential = await auth.usable_credential(key.credential_id)
    if credential is None:
        raise InvalidGrantError("The key pair behind this service account was revoked, here or in CloudStack.")
    if claims.target_audience:
        id_token = await auth.id_tokens.sign(claims.target_audience, key.email, unique_id(key.email))
        return Granted({"id_token": id_token}, key.email, key=key.key_id)
    family = tokens.key_family(key.key_id)
    authorization = Authorization(
        credential.id, unique_id(key.email), granted, family, user=key.email, ends=key.expires
    )
    new = tokens.new_access_token(authorization)
    await auth.store.add_tokens(*new.rows)
    return Granted(new.answer, key.email, credential.account, granted, key.key_id)
