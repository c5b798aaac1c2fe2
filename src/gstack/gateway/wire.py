"""Bytes in and out: bodies up to a limit, JSON answers, with gzip for clients that take it, and Google's errors."""

import gzip
import zlib
from typing import Any

import falcon
import msgspec
import structlog
from falcon.asgi import App, Request, Response

from gstack.errors import ApiError, Problem

_WORTH_GZIP = 4096  # bytes
_FAULT = 500
_JSON = "application/json; charset=UTF-8"
_REASONS = {404: "notFound", 405: "httpMethodNotAllowed", 413: "uploadTooLarge", 429: "rateLimitExceeded"}
_log = structlog.get_logger("gstack.gateway")


async def read_limited(req: Request, limit: int) -> bytes:
    """Return the request's body, unpacked if it comes as gzip. Problem 413 beyond `limit` bytes."""
    coding = (req.get_header("Content-Encoding") or "identity").lower()
    if coding not in {"identity", "gzip", "x-gzip"}:
        raise Problem(415, "unsupportedMediaType", "Send the body unencoded, or with Content-Encoding: gzip.")
    announced = req.content_length or 0
    body: bytes = b"" if announced > limit else await req.stream.read(limit + 1)
    if announced > limit or len(body) > limit:
        raise _too_large(limit)
    return body if coding == "identity" else _inflated(body, limit)


def _inflated(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, which Google's Java clients send."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with gzip's header and checksum
    try:
        body = unpacking.decompress(packed, limit + 1)
    except zlib.error as error:
        raise Problem.bad_request("The body is not gzip, although its Content-Encoding says so.") from error
    if len(body) > limit:
        raise _too_large(limit)
    if not unpacking.eof:
        raise Problem.bad_request("The gzip body breaks off.")
    if unpacking.unused_data:
        raise Problem.bad_request("There is data after the gzip body. Send one gzip member.")
    return body


def _too_large(limit: int) -> Problem:
    return Problem.too_large(f"The request body is larger than {limit} bytes.")


def send_json(req: Request, resp: Response, raw: bytes, status: int = 200) -> None:
    """Answer with encoded JSON."""
    resp.status = status
    resp.content_type = _JSON
    resp.append_header("Vary", "Accept-Encoding")
    if len(raw) > _WORTH_GZIP and takes_gzip(req):
        resp.set_header("Content-Encoding", "gzip")
        raw = gzip.compress(raw, compresslevel=1, mtime=0)
    resp.data = raw


def takes_gzip(req: Request) -> bool:
    """Whether the client accepts gzip (RFC 9110, 12.5.3)."""
    for part in (req.get_header("Accept-Encoding") or "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in {"gzip", "x-gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def send_problem(req: Request, resp: Response, problem: ApiError) -> None:
    """Answer with the Problem's envelope. Its internal half goes to the log."""
    for name, value in problem.headers.items():
        resp.set_header(name, value)
    req.context.reason, req.context.message = problem.reason, problem.message
    if problem.internal or problem.status == _FAULT:
        log = _log.error if problem.status >= _FAULT else _log.info
        log("problem", path=req.path, status=problem.status, reason=problem.reason, internal=problem.internal)
    send_json(req, resp, msgspec.json.encode(problem.envelope()), problem.status)


def envelope_errors(app: App[Request, Response]) -> None:
    """Turn every error of the app into Google's envelope: Problems, Falcon's errors and unexpected ones."""
    app.add_error_handler(Exception, _on_fault)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(ApiError, _on_problem)


async def _on_problem(req: Request, resp: Response, problem: ApiError, _: dict[str, Any]) -> None:
    send_problem(req, resp, problem)


async def _on_http_error(req: Request, resp: Response, error: falcon.HTTPError, _: dict[str, Any]) -> None:
    status = error.status_code
    messages = {
        404: f"The requested URL {req.path} was not found on this server.",
        405: f"{req.method} is not a method of this URL.",
    }
    message = messages.get(status) or error.description or error.title or "The request cannot be served."
    headers = error.headers if isinstance(error.headers, dict) else dict(error.headers or ())
    send_problem(req, resp, Problem(status, _REASONS.get(status, "badRequest"), message, headers=headers))


async def _on_fault(req: Request, resp: Response, fault: Exception, _: dict[str, Any]) -> None:
    _log.error("fault", path=req.path, method=req.method, exc_info=fault)
    send_problem(req, resp, Problem.internal_error(f"{type(fault).__name__} at {req.path}"))
