"""Batches: many requests in one multipart/mixed body, each answered by a part (Google's batching guide).

Each part is a whole HTTP request to a path of the API. It passes through the app itself, without a socket. It has the
outer request's Host, and its Authorization unless it brings its own. An error of a part is the answer to that part.
"""

import asyncio
import re
import secrets
from collections.abc import Iterable
from email.parser import BytesHeaderParser
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import falcon
import msgspec
from falcon.asgi import App, Request, Response

from gstack.config import Settings
from gstack.errors import Problem
from gstack.gateway.discovery import VERSIONS
from gstack.gateway.wire import read_limited

_MOST_PARTS = 1000  # Google's limit
_AT_ONCE = 8
_LARGER = 10  # a batch may be this many times as large as one request
_REQUEST_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (\S+)(?: HTTP/[0-9.]+)?\r?\n")
_LONGEST_TYPE, _LONGEST_HEAD = 1024, 16_384  # characters of the Content-Type, bytes of the headers of a part
_BOUNDARY = re.compile(  # RFC 2046, 5.1.1
    r';\s*boundary=(?:"([!#-\[\]-~ ]{0,69}[!#-\[\]-~])"|([!#-:<-~]{1,70}))(?=\s*(?:;|$))', re.ASCII | re.IGNORECASE
)
_BLANK = re.compile(rb"\r?\n\r?\n")
_AUTHORITY = re.compile(r"^https?://[^/?#]*", re.IGNORECASE)
_NOT_PASSED = {"host", "content-length", "accept-encoding", "connection", "transfer-encoding"}
Headers = list[tuple[bytes, bytes]]
_App = App[Request, Response]


def mount(app: _App, settings: Settings) -> None:
    """Serve batches of requests to the app, on the app."""
    batch = _Batch(app, settings.server.body_limit * _LARGER)
    app.add_route("/batch", batch)
    app.add_route("/batch/compute/{version}", batch)


class Part(msgspec.Struct, frozen=True):
    """One request of a batch. `target` is path and query. `content_id` is empty if the client sent none."""

    content_id: str
    method: str
    target: str
    headers: Headers
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """The app's answer to a part."""

    content_id: str
    status: int
    headers: Headers
    body: bytes


class _Batch:
    def __init__(self, app: _App, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def on_post(self, req: Request, resp: Response, version: str = "v1") -> None:
        if version not in VERSIONS:
            raise falcon.HTTPNotFound
        req.context.method_id = "batch"
        parts = read_parts(req.content_type or "", await read_limited(req, self._limit))
        gate = asyncio.Semaphore(_AT_ONCE)
        answers = await asyncio.gather(*(self._answer(req, part, gate) for part in parts))
        boundary = f"batch_{secrets.token_hex(16)}"
        resp.content_type = f"multipart/mixed; boundary={boundary}"
        resp.data = written(answers, boundary)

    async def _answer(self, req: Request, part: Part, gate: asyncio.Semaphore) -> Answer:
        async with gate:
            return await _through(self._app, _scope(req, part), part)


def read_parts(content_type: str, body: bytes) -> list[Part]:
    """Return the requests of a multipart/mixed body. Problem 400 if it is malformed, empty or has too many parts."""
    boundary = _boundary(content_type)
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|$)", body)
    found = pieces[2::2]  # the parts; before and between them are the preamble and the kinds of the delimiters
    closed = [at for at, end in enumerate(pieces[1::2]) if end]
    raw = found[: closed[0]] if closed else found
    if not raw:
        raise _wrong("The batch has no parts.")
    if len(raw) > _MOST_PARTS:
        raise _wrong(f"The batch has {len(raw)} parts. At most {_MOST_PARTS} are allowed.")
    return [_part(piece) for piece in raw]


def written(answers: Iterable[Answer], boundary: str) -> bytes:
    """Return the multipart/mixed body of the answers, in the order of their requests."""
    parts = (b"".join((b"--", boundary.encode(), b"\r\n", _written(answer), b"\r\n")) for answer in answers)
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def _boundary(content_type: str) -> bytes:
    """Return the boundary. Python's own parser takes seconds for some of what a stranger may send."""
    found = _BOUNDARY.search(content_type) if len(content_type) <= _LONGEST_TYPE else None
    if not found or content_type.partition(";")[0].strip().lower() != "multipart/mixed":
        raise _wrong("Send multipart/mixed with a boundary of at most 70 plain letters.")
    return (found[1] or found[2]).encode()


def _part(piece: bytes) -> Part:
    outer, inner = _halves(piece.lstrip(b"\r\n"))
    _check_short(outer)
    headers = BytesHeaderParser().parsebytes(outer)
    found = _REQUEST_LINE.match(inner := inner.lstrip(b"\r\n") + b"\r\n")
    if headers.get_content_type() != "application/http" or not found:
        raise _wrong("Each part must be of type application/http and hold one HTTP request.")
    head, body = _halves(inner[found.end() :])
    _check_short(head)
    return Part(
        content_id=" ".join(str(headers.get("Content-ID", "")).split()),
        method=found[1].decode(),
        target=found[2].decode("ascii", "replace"),
        headers=_headers(head),
        body=body.removesuffix(b"\r\n"),
    )


def _check_short(head: bytes) -> None:
    """Refuse long headers before they are parsed, because anybody may send a batch."""
    if len(head) > _LONGEST_HEAD:
        raise _wrong(f"The headers of a part are longer than {_LONGEST_HEAD} bytes.")


def _halves(piece: bytes) -> tuple[bytes, bytes]:
    """Split at the first empty line into headers and what follows."""
    if piece.startswith((b"\r\n", b"\n")):
        return b"", piece.split(b"\n", 1)[1]
    halves = _BLANK.split(piece, maxsplit=1)
    return halves[0], halves[1] if len(halves) > 1 else b""


def _headers(head: bytes) -> Headers:
    parsed = BytesHeaderParser().parsebytes(head.strip() + b"\r\n\r\n")
    pairs = ((name.lower(), re.sub(r"\r?\n\s*", " ", str(value)).strip()) for name, value in parsed.items())
    return [(n.encode("latin-1", "replace"), v.encode("latin-1", "replace")) for n, v in pairs if n not in _NOT_PASSED]


def _scope(req: Request, part: Part) -> dict[str, Any]:
    path, _, query = _AUTHORITY.sub("", part.target).partition("#")[0].partition("?")
    headers = [*part.headers, (b"content-length", str(len(part.body)).encode())]
    own = {name for name, _ in part.headers}
    outer = {name: req.get_header(name) for name in ("host", "authorization") if name.encode() not in own}
    headers += [(name.encode(), value.encode("latin-1")) for name, value in outer.items() if value]
    return {
        **req.scope,
        "method": part.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
    }


async def _through(app: _App, scope: dict[str, Any], part: Part) -> Answer:
    if not scope["path"].startswith("/compute/"):
        return _refused(part)
    sent: list[dict[str, Any]] = []
    events = [{"type": "http.request", "body": part.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return events.pop() if events else {"type": "http.disconnect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await app(scope, receive, send)
    body = b"".join(event.get("body", b"") for event in sent[1:])
    return Answer(part.content_id, sent[0]["status"], list(sent[0]["headers"]), body)


def _refused(part: Part) -> Answer:
    problem = Problem(404, "notFound", "A batch may contain only requests to /compute/.")
    body = msgspec.json.encode(problem.envelope())
    headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(body)).encode())]
    return Answer(part.content_id, problem.status, headers, body)


def _written(answer: Answer) -> bytes:
    inner = answer.content_id.removeprefix("<").removesuffix(">")
    lines = [b"Content-Type: application/http"]
    lines += [f"Content-ID: <response-{inner}>".encode()] if inner else []
    lines += [b"", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in answer.headers]
    return b"\r\n".join([*lines, b"", answer.body])


def _wrong(message: str) -> Problem:
    return Problem.bad_request(f"The batch request cannot be read. {message}", "parseError")
