"""The authorization endpoint (RFC 6749, 3.1): where a browser begins.

Here a client id is a CloudStack API key, and whoever holds its secret key is its user: nobody signs in, the code is
worth nothing without the secret, which is proved at the token endpoint. Until the client and its redirect are known to
be good every error is a page; from then on the client is told.
"""

import re
from datetime import timedelta

import falcon.asgi
import msgspec
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, UnsupportedResponseTypeError

from gstack.auth import issue, opaque, pages, redirects, scopes
from gstack.auth.auth import Auth
from gstack.auth.forms import fields_of
from gstack.auth.store import CODE, Token, now

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url
_STATE_LIMIT = 2000  # characters


class Asked(msgspec.Struct, frozen=True):
    """An authorization request."""

    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    scope: str = ""
    state: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""


class AuthorizeEndpoint:
    """GET: a redirect with a code, a page that shows it, or a page that says what is wrong."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        try:
            asked = msgspec.convert(fields_of(request.query_string), Asked)
        except OAuth2Error as error:
            pages.show_error(response, error.error, error.get_error_description())
            return
        if not opaque.is_api_key(asked.client_id):
            self._sign_in(response, asked)
        elif not redirects.allowed(asked.redirect_uri):
            pages.show_error(response, "invalid_request", _REDIRECT)
        else:
            await self._answer(response, asked)

    def _sign_in(self, response: falcon.asgi.Response, asked: Asked) -> None:
        """A client of its own, e.g. gcloud's public id: its user would have to sign in here."""
        client = asked.client_id[:200] or "(none)"
        pages.show(response, "key_file.html", "Use a key file", 400, client=client)

    async def _answer(self, response: falcon.asgi.Response, asked: Asked) -> None:
        try:
            _check(asked)
            code = await self._code(asked)
        except OAuth2Error as error:
            _tell(response, asked, {"error": error.error, "error_description": error.get_error_description()})
            return
        _tell(response, asked, {"code": code})

    async def _code(self, asked: Asked) -> str:
        code, moment = opaque.new(opaque.CODE), now()
        await self._auth.store.add_tokens(
            Token(
                hash=opaque.digest(code),
                kind=CODE,
                family=issue.new_family(),
                credential_id=None,
                client_id=asked.client_id,
                scopes=scopes.granted(asked.scope),
                created=moment,
                expires=moment + timedelta(seconds=opaque.CODE_SECONDS),
                data={"redirect_uri": asked.redirect_uri, "challenge": asked.code_challenge},
            )
        )
        return code


_REDIRECT = (
    "The redirect_uri must be plain http on this machine (localhost, 127.0.0.1 or [::1], any port), "
    "or one of Google's two out-of-band addresses. Nobody is sent anywhere else."
)


def _check(asked: Asked) -> None:
    """Raise what the client is to be told."""
    if asked.response_type != "code":
        raise UnsupportedResponseTypeError(asked.response_type if asked.response_type.isalnum() else "")
    if len(asked.state) > _STATE_LIMIT:
        raise InvalidRequestError("state is too long.")
    if asked.code_challenge_method and not asked.code_challenge:
        raise InvalidRequestError("code_challenge is missing.")
    if asked.code_challenge and asked.code_challenge_method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if asked.code_challenge and not _CHALLENGE.fullmatch(asked.code_challenge):
        raise InvalidRequestError("code_challenge must be 43 characters of base64url.")


def _tell(response: falcon.asgi.Response, asked: Asked, answer: dict[str, str]) -> None:
    """Give the answer to the client: by redirect, or on a page for its user to carry over."""
    if asked.redirect_uri not in redirects.SHOWN_HERE:
        response.set_headers(pages.HEADERS)
        response.status = 302
        response.location = redirects.with_answer(asked.redirect_uri, answer | {"state": asked.state[:_STATE_LIMIT]})
    elif "code" in answer:
        client = f"{asked.client_id[:12]}…"
        pages.show(response, "code.html", "Your authorization code", code=answer["code"], client=client)
    else:
        pages.show_error(response, answer["error"], answer["error_description"])
