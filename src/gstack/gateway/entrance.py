"""The entrance: every request passes it before the app, and every answer after the app. Plain ASGI.

It reads the headers of trusted proxies, turns away foreign hosts and forbidden plain HTTP, limits the time and the
pieces in which a body arrives, and adds security headers to answers that lack them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gstack.config import Settings
from gstack.errors import ApiError, Problem
from gstack.gateway.hosts import Hosts
from gstack.gateway.proxies import Proxies, address_of

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_HEALTH = "/healthz"  # load balancers ask for it under any name
_DRAINED = 64 * 1024 * 1024  # bytes of an unwanted body that are read, so that the client reads the refusal
_PIECES, _PIECE = 4096, 256  # pieces that any body may come in, and bytes that each further one must have on average
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_STRICT = (b"strict-transport-security", b"max-age=31536000")


class Entrance:
    """An ASGI app around an ASGI app."""

    def __init__(self, app: Asgi, settings: Settings) -> None:
        server = settings.server
        self._app = app
        self._hosts = Hosts(settings)
        self._proxies = Proxies(server.trust_proxy, urlsplit(settings.public_url).scheme)
        self._plain = server.insecure_http
        self._seconds = server.body_timeout

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _normalised(scope)
        peer = str((scope.get("client") or ("",))[0])
        scope = self._proxies.seen(scope)
        hosts = _hosts(scope)
        host = hosts[0] if hosts else ""
        body = _Body(receive, scope, self._seconds)
        sending = body.drained_before(_hardened(send, strict=scope.get("scheme") == "https" and _has_name(host)))
        if scope["http_version"] == "1.1" and not host:  # RFC 9112, 3.2
            await _refuse(sending, Problem.bad_request("The request has no Host header. HTTP/1.1 requires one."))
            return
        if scope["path"] != _HEALTH and (problem := self._refusal(scope, peer, hosts)):
            await _refuse(sending, problem)
            return
        await _within(self._app, scope, body.receive, sending)

    def _refusal(self, scope: Any, peer: str, hosts: list[str]) -> Problem | None:
        if len(hosts) > 1:  # RFC 9112, 3.2: another server in the chain might read the other one
            return Problem.bad_request("The request has more than one Host header.")
        host = hosts[0] if hosts else ""
        if host and not self._hosts.serves(host):
            shown = "".join(letter for letter in host[:100] if letter.isprintable())
            text = f"This server has no name '{shown}'. Its operator can add it with the setting server.hosts."
            return Problem(421, "badRequest", text)
        if self._plain and not self._may_be_plain(scope, peer):
            return Problem.forbidden(
                "Plain HTTP is only for clients on the server's own machine and for trusted proxies. Use https."
            )
        return None

    def _may_be_plain(self, scope: Any, peer: str) -> bool:
        """Whether this comes from a trusted proxy whose client spoke https, or from this machine."""
        if self._proxies.trusts(peer):
            return bool(scope["scheme"] == "https")
        address = address_of(peer)
        return address is not None and address.is_loopback


async def _within(app: Asgi, scope: Any, receive: Receive, send: Send) -> None:
    """Run the app. Answer for it if the body fails before the app has begun to answer."""
    begun = False

    async def sending(event: dict[str, Any]) -> None:
        nonlocal begun
        begun = True
        await send(event)

    try:
        await app(scope, receive, sending)
    except ApiError as problem:
        if begun:
            raise
        await _refuse(send, problem)


def _normalised(scope: dict[str, Any]) -> dict[str, Any]:
    """Normalise the scope: Granian calls HTTP/1.0 `1`, and ASGI allows iterables that can be read only once."""
    if scope.get("http_version") == "1":
        scope = {**scope, "http_version": "1.0"}
    if not isinstance(scope["headers"], (tuple, list)):
        scope = {**scope, "headers": [tuple(pair) for pair in scope["headers"]]}
    if not isinstance(scope.get("client"), (tuple, list, type(None))):
        scope = {**scope, "client": tuple(scope["client"])}
    return scope


def _hosts(scope: Any) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]


def _has_name(host: str) -> bool:
    """Whether browsers may remember https for this host. They may not for addresses and for localhost."""
    name = host.partition(":")[0].lower()
    return bool(name) and "[" not in host and address_of(name) is None and not f".{name}".endswith(".localhost")


def _hardened(send: Send, *, strict: bool) -> Send:
    security = (*_HEADERS, _STRICT) if strict else _HEADERS

    async def sending(event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            own = list(event.get("headers", ()))
            present = {name.lower() for name, _ in own}
            event = {**event, "headers": own + [header for header in security if header[0] not in present]}
        await send(event)

    return sending


class _Body:
    """The body of one request on its way to the app."""

    def __init__(self, receive: Receive, scope: dict[str, Any], seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline = 0.0
        self._whole = self._begun = False
        self._pieces = self._bytes = 0
        headers = dict(scope["headers"])
        self._old = not scope["http_version"].startswith("2")  # HTTP/2 ends a stream without its connection
        self._announced = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        self._expects = headers.get(b"expect", b"").lower() == b"100-continue"

    async def receive(self) -> dict[str, Any]:
        """Return the next piece. Problem 408 if the body takes too long, 400 if it breaks off or is cut too small.

        Granian reports a body that breaks off, or that is framed wrongly, as a client that left. That must not look
        like the end of a body. After the body, waiting for the client to leave has no limit.
        """
        if self._whole:
            return await self._receive()
        self._begun = True
        self._deadline = self._deadline or asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                event = await self._receive()
        except TimeoutError as error:
            raise Problem(408, "requestTimeout", "The body of the request did not arrive in time.") from error
        if event["type"] == "http.disconnect":
            raise Problem.bad_request("The body of the request breaks off, or is not framed as RFC 9112 says.")
        self._pieces += 1
        self._bytes += len(event.get("body", b""))
        if self._pieces > _PIECES + self._bytes // _PIECE:  # each piece costs time, however small it is
            raise Problem.bad_request(f"The body comes in too many pieces. Send pieces of {_PIECE} bytes or more.")
        self._whole = not event.get("more_body")
        return event

    def drained_before(self, send: Send) -> Send:
        """Return a `send` that reads the rest of the body before it answers, so that the client gets the answer.

        A client that is still writing would not read it (RFC 9112, 9.6). Beyond the bounds the connection is closed.
        """

        async def sending(event: dict[str, Any]) -> None:
            if event["type"] == "http.response.start" and self._old and self._announced and not self._whole:
                await self._drain()
                if not self._whole:
                    event = {**event, "headers": [*event.get("headers", ()), (b"connection", b"close")]}
            await send(event)

        return sending

    async def _drain(self) -> None:
        if self._expects and not self._begun:  # the client waits for our word before it sends anything
            return
        end = self._bytes + _DRAINED
        with suppress(Problem):
            while not self._whole and self._bytes < end:
                await self.receive()


async def _refuse(send: Send, problem: ApiError) -> None:
    body = msgspec.json.encode(problem.envelope())
    headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
