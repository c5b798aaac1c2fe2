"""What clients send to the OAuth endpoints: forms, client credentials, and the answers in RFC 6749's words."""

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

BODY_LIMIT = 65_536  # bytes; an assertion is about a kilobyte
_FIELDS = 100
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}


class TemporarilyUnavailableError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """CloudStack does not answer, so nothing can be proved now."""

    error = "temporarily_unavailable"
    status_code = 503


class TooManyAttemptsError(OAuth2Error):  # type: ignore[misc]  # Authlib is not typed
    """Who failed too often has to wait (Google's word for it; RFC 6585, 4)."""

    error = "rate_limit_exceeded"
    status_code = 429


class Form(msgspec.Struct, frozen=True):
    """A token request: its fields, and the client's own name and secret wherever they stood."""

    fields: Mapping[str, str]
    client_id: str
    client_secret: str

    def get(self, name: str) -> str:
        """A field, or an empty string (RFC 6749, 3.2: without a value is as if omitted)."""
        return self.fields.get(name, "")

    def need(self, name: str) -> str:
        """A field that must be there."""
        if value := self.get(name):
            return value
        raise InvalidRequestError(f"Missing parameter: {name}")

    @property
    def keys(self) -> KeyPair:
        """The client as a CloudStack key pair."""
        return KeyPair(self.client_id, self.client_secret)


def fields_of(text: str) -> dict[str, str]:
    """Read a query string or form. A parameter may stand in it once only (RFC 6749, 3.1)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequestError("The parameters cannot be read.") from error
    if "\0" in "".join(name + value for name, value in pairs):  # PostgreSQL's text cannot hold it
        raise InvalidRequestError("The parameters hold U+0000.")
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
        return fields_of(body.decode())
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The parameters cannot be read.") from error


async def read_form(request: falcon.asgi.Request) -> Form:
    """Read a token request; the client names itself in the body or by HTTP Basic, not in both ways (RFC 6749, 2.3)."""
    fields = await read_fields(request)
    basic = _basic(request.get_header("Authorization") or "")
    if basic is None:
        return Form(fields, fields.get("client_id", ""), fields.get("client_secret", ""))
    if fields.get("client_secret") or fields.get("client_id", basic[0]) != basic[0]:
        raise InvalidRequestError("Name the client in the body or in the Authorization header, not in both.")
    return Form(fields, *basic)


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64, not even ASCII, or no UTF-8
        name, colon, secret = "", "", ""
    name, secret = unquote_plus(name), unquote_plus(secret)
    if not colon or "\0" in name + secret:  # PostgreSQL's text cannot hold U+0000
        raise InvalidClientError("The Authorization header cannot be read.", status_code=401)
    return name, secret


async def answer(response: falcon.asgi.Response, work: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    """Answer with what `work` returns, or with its error as RFC 6749 (5.2) writes it."""
    try:
        give(response, await work())
    except OAuth2Error as error:
        _refuse(response, error)
    except ApiError as problem:
        _refuse(response, _from_problem(problem))
        if "Retry-After" in problem.headers:
            response.set_header("Retry-After", problem.headers["Retry-After"])


def give(response: falcon.asgi.Response, body: Mapping[str, Any], status: int = 200) -> None:
    """Answer with JSON that nobody stores."""
    response.status = status
    response.set_headers(_NO_STORE)
    response.content_type = "application/json; charset=utf-8"
    response.data = msgspec.json.encode(body)


def _from_problem(problem: ApiError) -> OAuth2Error:
    """401: CloudStack does not accept the pair; 403: its role may not; 5xx: nothing can be proved now."""
    plain = "".join(letter for letter in problem.message if letter.isprintable() and letter not in '"\\')
    kind: type[OAuth2Error] = InvalidRequestError
    if problem.status == HTTPStatus.FORBIDDEN:
        kind = UnauthorizedClientError
    elif problem.status == HTTPStatus.UNAUTHORIZED:
        kind = InvalidClientError
    elif problem.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_TIMEOUT}:
        kind = InvalidRequestError
    elif problem.status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = TooManyAttemptsError
    elif problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = TemporarilyUnavailableError
    return kind(plain.encode("ascii", "replace").decode(), status_code=problem.status)


def _refuse(response: falcon.asgi.Response, error: OAuth2Error) -> None:
    status, body, headers = error()
    give(response, body, status)
    for name, value in headers:
        if name == "WWW-Authenticate":
            response.set_header(name, value)
