"""Token exchange (RFC 8693): a token of an issuer that the operator trusts, e.g. a CI system's, for an access token.

Google's libraries do this with an external-account file: `audience` names the provider, whose last part is the
issuer's name in our settings. Which account it becomes is said by `gstack trust`. No secret is stored at the client.
"""

from datetime import UTC, datetime, timedelta

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError

from gstack.auth import tokens as issue
from gstack.auth.auth import Auth
from gstack.auth.oauth import jwt, scopes
from gstack.auth.oauth.jwt import UntrustedError
from gstack.auth.oauth.requests import Form
from gstack.auth.oauth.subjects import Subject
from gstack.auth.tokens import Granted

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # RFC 8693's name for it
TOKEN_TYPES = frozenset({"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"})
_PROVIDERS = "/providers/"


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """What the token is asked for is not here (RFC 8693, 2.2.2)."""

    error = "invalid_target"


async def grant(auth: Auth, form: Form) -> Granted:
    """Exchange a token. Raises InvalidGrantError where it proves nothing, or stands for nobody here."""
    _check_request(auth, form)
    token = form.need("subject_token")
    try:
        issuer, claims = await auth.issuers.verified(token, _meant(auth, form.get("audience")))
        subject = await auth.subjects.of(issuer, claims)
    except UntrustedError as error:
        raise InvalidGrantError(_plain(str(error))) from error
    ends = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=jwt.SKEW)
    return await _access(auth, subject, scopes.granted(form.get("scope")), ends)


def _check_request(auth: Auth, form: Form) -> None:
    if form.need("subject_token_type") not in TOKEN_TYPES:
        raise InvalidRequestError("subject_token_type must be that of a JWT or an id token.")
    if form.get("requested_token_type") not in {"", ACCESS_TOKEN}:
        raise InvalidRequestError("requested_token_type: access tokens alone are given here.")
    if form.get("actor_token"):
        raise InvalidRequestError("actor_token: nobody acts for another here.")
    if form.get("resource") and not auth.addresses.is_api_url(form.get("resource")):
        raise InvalidTargetError("resource is not this API.")


def _meant(auth: Auth, audience: str) -> frozenset[str]:
    """The issuers that the client may mean: the one of the provider that it names, or all where it names none."""
    if not audience:
        return frozenset(auth.issuers.trust)
    name = audience.rpartition(_PROVIDERS)[2]
    if name not in auth.issuers.trust:
        raise InvalidTargetError("audience names no issuer that is trusted here.")
    return frozenset({name})


async def _access(auth: Auth, subject: Subject, granted: str, ends: datetime) -> Granted:
    credential = await auth.in_standing(subject.credential_id)
    if credential is None:
        raise InvalidGrantError("The key pair behind this account was revoked, here or at CloudStack.")
    family = issue.key_family(subject.id)
    grant = issue.Grant(credential.id, subject.id, granted, family, user=subject.email, ends=ends)
    issued = issue.access(grant)
    await auth.store.add_tokens(*issued.rows)
    await auth.subjects.touch(subject)
    answer = issued.answer | {"issued_token_type": ACCESS_TOKEN}
    return Granted(answer, subject.email, credential.account, granted, subject.id)


def _plain(text: str) -> str:
    """Fit for RFC 6749's narrow alphabet."""
    return "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in text)
