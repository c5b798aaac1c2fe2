"""Requests to the OAuth endpoints, with the client's credentials, and the answers in RFC 6749's words."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import falcon.asgi
import msgspec
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, UnauthorizedClientError

from gstack.cloudstack.signing import KeyPair
from gstack.errors import ApiError

BODY_LIMIT = 65_536  # bytes; an assertion has about a kilobyte
_FIELD_LIMIT = 100
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}


class TemporarilyUnavailableError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """CloudStack does not answer, so nothing can be verified now."""

    error = "temporarily_unavailable"
    status_code = 503


class TooManyAttemptsError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """The client failed too often and has to wait (Google's word for it; RFC 6585, 4)."""

    error = "rate_limit_exceeded"
    status_code = 429


class TokenRequest(msgspec.Struct, frozen=True):
    """A token request: its fields, and the client's id and secret from wherever the client put them."""

    fields: Mapping[str, str]
    client_id: str
    client_secret: str

    def get(self, name: str) -> str:
        """Return a field; empty if it is missing (RFC 6749, 3.2: an empty parameter counts as omitted)."""
        return self.fields.get(name, "")

    def require(self, name: str) -> str:
        """Return a field. Raises InvalidRequestError if it is missing or empty."""
        if value := self.get(name):
            return value
        raise InvalidRequestError(f"Missing parameter: {name}")

    @property
    def keys(self) -> KeyPair:
        """The client's id and secret as a CloudStack key pair."""
        return KeyPair(self.client_id, self.client_secret)


def parse_fields(text: str) -> dict[str, str]:
    """Parse a query string or form. Each parameter may occur only once (RFC 6749, 3.1)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELD_LIMIT, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequestError("The parameters cannot be read.") from error
    if "\0" in "".join(name + value for name, value in pairs):  # PostgreSQL cannot store it in a text
        raise InvalidRequestError("The parameters contain U+0000.")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidRequestError("A parameter is given twice.")
    return fields


async def read_fields(request: falcon.asgi.Request) -> dict[str, str]:
    """Read a posted form."""
    if (request.content_type or "").partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequestError(f"Send the parameters as {_FORM}.")
    body = await request.stream.read(BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise InvalidRequestError("The body is too large.", status_code=413)
    try:
        return parse_fields(body.decode())
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The parameters cannot be read.") from error


async def read_parameter(request: falcon.asgi.Request, name: str) -> str:
    """Return one parameter from the query or else from the posted form; empty if it is in neither."""
    fields = parse_fields(request.query_string)
    if name not in fields and request.method == "POST":
        fields = await read_fields(request)
    return fields.get(name, "")


async def read_token_request(request: falcon.asgi.Request) -> TokenRequest:
    """Read a token request. The client names itself in the body or by HTTP Basic, but not both (RFC 6749, 2.3)."""
    fields = await read_fields(request)
    scheme, _, encoded = (request.get_header("Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return TokenRequest(fields, fields.get("client_id", ""), fields.get("client_secret", ""))
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # neither base64 nor UTF-8
        name, colon, secret = "", "", ""
    name, secret = unquote_plus(name), unquote_plus(secret)
    if not colon or "\0" in name + secret:  # PostgreSQL cannot store U+0000 in a text
        raise InvalidClientError("The Authorization header cannot be read.", status_code=401)
    if fields.get("client_secret") or fields.get("client_id", name) != name:
        raise InvalidRequestError("Name the client in the body or in the Authorization header, not in both.")
    return TokenRequest(fields, name, secret)


async def answer(response: falcon.asgi.Response, work: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    """Answer with what `work` returns, or with its error in the form of RFC 6749, 5.2."""
    try:
        send_json(response, await work())
    except OAuth2Error as error:
        _send_error(response, error)
    except ApiError as problem:
        _send_error(response, _to_oauth_error(problem))
        if "Retry-After" in problem.headers:
            response.set_header("Retry-After", problem.headers["Retry-After"])


def send_json(response: falcon.asgi.Response, body: Mapping[str, Any], status: int = 200) -> None:
    """Answer with JSON that no cache may store."""
    response.status = status
    response.set_headers(_NO_STORE)
    response.content_type = "application/json; charset=utf-8"
    response.data = msgspec.json.encode(body)


def _to_oauth_error(problem: ApiError) -> OAuth2Error:
    """401: CloudStack does not accept the pair. 403: its role does not allow this. 5xx: nothing can be verified now."""
    plain = "".join(letter for letter in problem.message if letter.isprintable() and letter not in '"\\')
    kind: type[OAuth2Error] = InvalidRequestError
    if problem.status == HTTPStatus.FORBIDDEN:
        kind = UnauthorizedClientError
    elif problem.status == HTTPStatus.UNAUTHORIZED:
        kind = InvalidClientError
    elif problem.status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = TooManyAttemptsError
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = TemporarilyUnavailableError
    return kind(plain.encode("ascii", "replace").decode(), status_code=problem.status)


def _send_error(response: falcon.asgi.Response, error: OAuth2Error) -> None:
    status, body, headers = error()
    send_json(response, body, status)
    for name, value in headers:
        if name == "WWW-Authenticate":
            response.set_header(name, value)
