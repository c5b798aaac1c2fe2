"""The authorization endpoint (RFC 6749, 3.1): where a browser begins.

Two kinds of clients come here. A client id that is a CloudStack API key: whoever holds its secret key is its user, so
nobody signs in; the code is worth nothing without the secret, which is proved at the token endpoint. Every other client
(gcloud, gcutil, those registered here): its user signs in and agrees, and the code stands for the user's key pair.
Until the client and its redirect are known to be good every error is a page; from then on the client is told.
"""

import re
from datetime import timedelta
from urllib.parse import urlencode

import falcon.asgi
import msgspec
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, UnsupportedResponseTypeError

from gstack.auth import opaque
from gstack.auth import tokens as issue
from gstack.auth.addresses import AUTH_PATHS
from gstack.auth.auth import Auth
from gstack.auth.oauth import clients as registered_clients
from gstack.auth.oauth import redirects, scopes
from gstack.auth.oauth.clients import OAuthClient
from gstack.auth.oauth.requests import fields_of
from gstack.auth.pace import Pace
from gstack.auth.pages import rendering as pages
from gstack.auth.pages.consent import show_consent
from gstack.auth.pages.console import credential_of
from gstack.auth.pages.signin import show_sign_in
from gstack.auth.pages.visits import Visit, posted, visit
from gstack.auth.store import CODE, Credential, Token, now

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url
_STATE_LIMIT = 2000  # characters
_NONCE_LIMIT = 500  # characters
_CODES_A_MINUTE = 120  # that an address may ask for without having proved anything


class Asked(msgspec.Struct, frozen=True):
    """An authorization request."""

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
    def text(self) -> str:
        """The request again, as a query string."""
        known = msgspec.structs.asdict(self)
        return urlencode({name: value for name, value in known.items() if value})


class AuthorizeEndpoint:
    """GET: a page to sign in or agree on; for key-pair clients the code, by redirect or on a page."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._pace = Pace(_CODES_A_MINUTE)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._get(request, response))

    async def _get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        asked = msgspec.convert(fields_of(request.query_string), Asked)
        if opaque.is_api_key(asked.client_id):
            _need(redirects.allowed(asked.redirect_uri), _REDIRECT)
            self._pace.check(request.remote_addr or "")  # nothing is proved yet, and a code is a row
            await _answered(self._auth, response, asked, None, f"{asked.client_id[:12]}…")
            return
        client = await _client(self._auth, asked)
        visitor = await visit(self._auth, request, response)
        try:
            _check(asked)
            _check_prompt(asked)
        except OAuth2Error as error:
            _tell(response, asked, _told(error), client.name)
            return
        await self._ask(response, asked, client, visitor)

    async def _ask(self, response: falcon.asgi.Response, asked: Asked, client: OAuthClient, visitor: Visit) -> None:
        """Ask the user: to sign in, or whether this client may."""
        here = f"{AUTH_PATHS[0]}?{asked.text}"
        credential = await credential_of(self._auth, visitor)
        if credential is None:
            show_sign_in(response, visitor, here, client=client.name, username=asked.login_hint[:255])
            return
        show_consent(response, visitor, credential, client.name, asked.redirect_uri, asked.scope, asked.text, here)


class ConsentEndpoint:
    """POST: the user's decision."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    on_get = pages.lead_home

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._post(request, response))

    async def _post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor, fields = await posted(self._auth, request)
        asked = msgspec.convert(fields_of(fields.get("request", "")), Asked)
        client = await _client(self._auth, asked)
        credential = await credential_of(self._auth, visitor)
        if credential is None:
            pages.lead(response, f"{AUTH_PATHS[0]}?{asked.text}")
            return
        allowed = fields.get("decision") == "allow"
        facts = {"who": credential.user, "account": credential.account, "client": asked.client_id}
        self._auth.audit.write("consent", **facts, scopes=asked.scope, result="allowed" if allowed else "denied")
        if not allowed:
            text = "The user did not agree."
            _tell(response, asked, {"error": "access_denied", "error_description": text}, client.name)
            return
        proved = await self._auth.proved(self._auth.pair_of(credential))
        await _answered(self._auth, response, asked, proved, client.name)


async def _client(auth: Auth, asked: Asked) -> OAuthClient:
    """Return a client that is known, and whose redirect is its own. Raises InvalidRequestError, for a page."""
    client = await registered_clients.find(auth.store.engine, asked.client_id)
    if client is None:
        raise InvalidRequestError(_UNKNOWN.format(asked.client_id[:200] or "(none)"))
    _need(client.may_redirect(asked.redirect_uri), _REDIRECT if not client.redirect_uris else _NOT_REGISTERED)
    return client


async def _answered(
    auth: Auth, response: falcon.asgi.Response, asked: Asked, credential: Credential | None, name: str
) -> None:
    try:
        _check(asked)
        code = await _code(auth, asked, credential)
    except OAuth2Error as error:
        _tell(response, asked, _told(error), name)
        return
    _tell(response, asked, {"code": code}, name)


async def _code(auth: Auth, asked: Asked, credential: Credential | None) -> str:
    code, moment = opaque.new(opaque.CODE), now()
    await auth.store.add_tokens(
        Token(
            hash=opaque.digest(code),
            kind=CODE,
            family=issue.new_family(),
            credential_id=credential.id if credential else None,
            client_id=asked.client_id,
            scopes=scopes.granted(asked.scope),
            created=moment,
            expires=moment + timedelta(seconds=opaque.CODE_SECONDS),
            data={"redirect_uri": asked.redirect_uri, "challenge": asked.code_challenge, "nonce": asked.nonce},
        )
    )
    return code


_REDIRECT = (
    "The redirect_uri must be plain http on this machine (localhost, 127.0.0.1 or [::1], any port), "
    "or one of Google's two out-of-band addresses. Nobody is sent anywhere else."
)
_NOT_REGISTERED = "The redirect_uri is not one that this client is registered with. Nobody is sent anywhere else."
_UNKNOWN = (
    "This server does not know the client {}. An operator registers clients with: gstack apps add. Without one, give "
    "your client a CloudStack API key as its client id and the secret key as its client secret, or use a key file "
    "(gstack keys create)."
)


def _need(good: bool, text: str) -> None:
    if not good:
        raise InvalidRequestError(text)


def _check(asked: Asked) -> None:
    """Raise what the client is to be told."""
    if asked.response_type != "code":
        raise UnsupportedResponseTypeError(asked.response_type if asked.response_type.isalnum() else "")
    if len(asked.state) > _STATE_LIMIT or len(asked.nonce) > _NONCE_LIMIT:
        raise InvalidRequestError("state or nonce is too long.")
    if asked.code_challenge_method and not asked.code_challenge:
        raise InvalidRequestError("code_challenge is missing.")
    if asked.code_challenge and asked.code_challenge_method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if asked.code_challenge and not _CHALLENGE.fullmatch(asked.code_challenge):
        raise InvalidRequestError("code_challenge must be 43 characters of base64url.")
    scopes.granted(asked.scope)


class ConsentRequiredError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The client wants no page, and its user has to see one (OpenID Connect Core, 3.1.2.6)."""

    error = "interaction_required"


def _check_prompt(asked: Asked) -> None:
    if "none" in asked.prompt.split():
        raise ConsentRequiredError("Here users are always asked.")


def _told(error: OAuth2Error) -> dict[str, str]:
    return {"error": error.error, "error_description": error.get_error_description()}


def _tell(response: falcon.asgi.Response, asked: Asked, answer: dict[str, str], name: str) -> None:
    """Give the answer to the client: by redirect, or on a page for its user to carry over."""
    if asked.redirect_uri not in redirects.SHOWN_HERE:
        response.set_headers(pages.HEADERS)
        response.status = 302
        response.location = redirects.with_answer(asked.redirect_uri, answer | {"state": asked.state[:_STATE_LIMIT]})
    elif "code" in answer:
        paired = opaque.is_api_key(asked.client_id)
        pages.show(response, "code.html", "Your authorization code", code=answer["code"], client=name, paired=paired)
    else:
        status = 403 if answer["error"] == "access_denied" else 400
        pages.show_error(response, answer["error"], answer["error_description"], status)
