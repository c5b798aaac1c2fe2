"""The authorization endpoint (RFC 6749, 3.1): where a browser begins.

Two kinds of clients come here. If the client id is a CloudStack API key, whoever has its secret key is its user, so
nobody signs in; the code is worth nothing without the secret, which the token endpoint verifies. Users of every other
client (gcloud, gcutil, those registered here) sign in and agree, and the code stands for the user's key pair.
Errors are shown on a page until client and redirect URI are checked; from then on the client gets them.
"""

import re
from urllib.parse import urlencode

import falcon.asgi
import msgspec
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, UnsupportedResponseTypeError

from gstack.auth import tokens
from gstack.auth.addresses import AUTH_PATHS
from gstack.auth.auth import Auth
from gstack.auth.keys.credentials import unseal_pair
from gstack.auth.keys.key_pairs import abbreviated, is_api_key
from gstack.auth.limits import RateLimit
from gstack.auth.oauth import clients, redirects, scopes
from gstack.auth.oauth.clients import OAuthClient
from gstack.auth.oauth.requests import parse_fields
from gstack.auth.pages import rendering
from gstack.auth.pages.consent import show_consent
from gstack.auth.pages.forms import FormEndpoint, Submission, credential_of
from gstack.auth.pages.sessions import visit_of
from gstack.auth.pages.signin import show_sign_in
from gstack.auth.store import Credential

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url
_STATE_LIMIT = 2000  # characters
_NONCE_LIMIT = 500  # characters
_CODES_A_MINUTE = 120  # for an address that has proved nothing

_BAD_REDIRECT = (
    "The redirect_uri must be plain http on this machine (localhost, 127.0.0.1 or [::1], any port), "
    "or one of Google's two out-of-band addresses. Nobody is sent anywhere else."
)
_NOT_REGISTERED = "The redirect_uri is not one that this client is registered with. Nobody is sent anywhere else."
_UNKNOWN_CLIENT = (
    "This server does not know the client {}. An operator registers clients with: gstack apps add. Without that, give "
    "your client a CloudStack API key as its client id and the secret key as its client secret, or use a key file "
    "(gstack keys create)."
)


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """The parameters of an authorization request."""

    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    scope: str = ""
    state: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    nonce: str = ""
    prompt: str = ""
    login_hint: str = ""

    @property
    def query(self) -> str:
        """The request as a query string."""
        return urlencode({name: value for name, value in msgspec.structs.asdict(self).items() if value})

    @property
    def path(self) -> str:
        """The path of a page that makes the same request."""
        return f"{AUTH_PATHS[0]}?{self.query}"


def _parse(query: str) -> AuthorizationRequest:
    return msgspec.convert(parse_fields(query), AuthorizationRequest)


class ConsentRequiredError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The client wants no page, but its user has to see one (OpenID Connect Core, 3.1.2.6)."""

    error = "interaction_required"


class AuthorizeEndpoint:
    """GET: a page to sign in or agree on. Key-pair clients get the code, by redirect or on a page."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._rate_limit = RateLimit(_CODES_A_MINUTE)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await rendering.answer(response, lambda: self._get(request, response))

    async def _get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        params = _parse(request.query_string)
        if is_api_key(params.client_id):
            if not redirects.allowed(params.redirect_uri):
                raise InvalidRequestError(_BAD_REDIRECT)
            self._rate_limit.check(request.remote_addr or "")  # nothing is proved yet, and a code costs a row
            await _send_code(self._auth, response, params, None, abbreviated(params.client_id))
            return
        client = await _find_client(self._auth, params)
        visit = await visit_of(self._auth.sessions, request, response)
        try:
            _check(params)
            if "none" in params.prompt.split():
                raise ConsentRequiredError("This server always asks the user.")
        except OAuth2Error as error:
            _send_error(response, params, error, client.name)
            return
        credential = await credential_of(self._auth, visit)
        if credential is None:
            show_sign_in(response, visit, params.path, client=client.name, username=params.login_hint[:255])
            return
        show_consent(
            response, visit, credential, client.name, params.redirect_uri, params.scope, params.query, params.path
        )


def consent_endpoint(auth: Auth) -> FormEndpoint:
    """POST: the user's decision on the consent page."""
    return FormEndpoint(auth, _decide)


async def _decide(auth: Auth, form: Submission) -> None:
    params = _parse(form.fields.get("request", ""))
    client = await _find_client(auth, params)
    credential = await credential_of(auth, form.visit)
    if credential is None:
        rendering.redirect(form.response, params.path)
        return
    allowed = form.fields.get("decision") == "allow"
    facts = {"who": credential.user, "account": credential.account, "client": params.client_id}
    auth.audit.write("consent", **facts, scopes=params.scope, result="allowed" if allowed else "denied")
    if not allowed:
        denial = {"error": "access_denied", "error_description": "The user did not agree."}
        _send(form.response, params, denial, client.name)
        return
    verified = await auth.verify_pair(unseal_pair(auth.seal, credential))
    await _send_code(auth, form.response, params, verified, client.name)


async def _find_client(auth: Auth, params: AuthorizationRequest) -> OAuthClient:
    """Return the client if it exists and the redirect URI is its own. Raises InvalidRequestError, for a page."""
    client = await clients.find(auth.store.engine, params.client_id)
    if client is None:
        raise InvalidRequestError(_UNKNOWN_CLIENT.format(params.client_id[:200] or "(none)"))
    if not client.may_redirect(params.redirect_uri):
        raise InvalidRequestError(_NOT_REGISTERED if client.redirect_uris else _BAD_REDIRECT)
    return client


def _check(params: AuthorizationRequest) -> None:
    """Raise an error that the client gets."""
    if params.response_type != "code":
        raise UnsupportedResponseTypeError(params.response_type if params.response_type.isalnum() else "")
    if len(params.state) > _STATE_LIMIT or len(params.nonce) > _NONCE_LIMIT:
        raise InvalidRequestError("state or nonce is too long.")
    if params.code_challenge_method and not params.code_challenge:
        raise InvalidRequestError("code_challenge is missing.")
    if params.code_challenge and params.code_challenge_method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if params.code_challenge and not _CHALLENGE.fullmatch(params.code_challenge):
        raise InvalidRequestError("code_challenge must be 43 characters of base64url.")
    scopes.granted(params.scope)


async def _send_code(
    auth: Auth,
    response: falcon.asgi.Response,
    params: AuthorizationRequest,
    credential: Credential | None,
    client_name: str,
) -> None:
    """Send the client a new code; a key-pair client's code has no credential yet."""
    try:
        _check(params)
    except OAuth2Error as error:
        _send_error(response, params, error, client_name)
        return
    code, row = tokens.new_code(
        credential.id if credential else None,
        params.client_id,
        scopes.granted(params.scope),
        params.redirect_uri,
        params.code_challenge,
        params.nonce,
    )
    await auth.prune()
    await auth.store.add_tokens(row)
    _send(response, params, {"code": code}, client_name)


def _send_error(
    response: falcon.asgi.Response, params: AuthorizationRequest, error: OAuth2Error, client_name: str
) -> None:
    answer = {"error": error.error, "error_description": error.get_error_description()}
    _send(response, params, answer, client_name)


def _send(
    response: falcon.asgi.Response, params: AuthorizationRequest, answer: dict[str, str], client_name: str
) -> None:
    """Send the answer to the client: by redirect, or on a page from which the user copies it."""
    if params.redirect_uri not in redirects.SHOWN_HERE:
        response.set_headers(rendering.HEADERS)
        response.status = 302
        response.location = redirects.with_answer(params.redirect_uri, answer | {"state": params.state[:_STATE_LIMIT]})
    elif "code" in answer:
        title, needs_secret = "Your authorization code", is_api_key(params.client_id)
        code = answer["code"]
        rendering.show(response, "code.html", title, code=code, client=client_name, needs_secret=needs_secret)
    else:
        status = 403 if answer["error"] == "access_denied" else 400
        rendering.show_error(response, answer["error"], answer["error_description"], status)
