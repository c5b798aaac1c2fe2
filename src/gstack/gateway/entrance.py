"""The entrance: what every request passes before the app, and every answer after it. Plain ASGI.

It sees through trusted proxies, turns away hosts that are not ours and plain HTTP where it is not allowed, gives a
body a limited time to arrive, and puts security headers on every answer that does not bring its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
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
_HEALTH = "/healthz"  # asked by balancers, under whatever name
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
        scope = _spelled(scope)
        peer = str((scope.get("client") or ("",))[0])
        scope = self._proxies.seen(scope)
        hosts = _hosts(scope)
        host = hosts[0] if hosts else ""
        hardened = _hardened(send, strict=scope.get("scheme") == "https" and _has_name(host))
        if scope["path"] != _HEALTH and (problem := self._refusal(scope, peer, hosts)):
            await _refuse(hardened, problem)
            return
        await _within(self._app, scope, _timed(receive, self._seconds), hardened)

    def _refusal(self, scope: Any, peer: str, hosts: list[str]) -> Problem | None:
        if len(hosts) > 1:  # RFC 9112, 3.2: the next one behind us might read the other
            return Problem.bad_request("The request has more than one Host header.")
        host = hosts[0] if hosts else ""
        if host and not self._hosts.known(host):
            shown = "".join(letter for letter in host[:100] if letter.isprintable())
            text = f"This server is not called '{shown}'. Its operator adds names with the setting server.hosts."
            return Problem(421, "badRequest", text)
        if self._plain and not self._may_be_plain(scope, peer):
            return Problem.forbidden("Plain HTTP is for this machine and for trusted proxies. Use https.")
        return None

    def _may_be_plain(self, scope: Any, peer: str) -> bool:
        """A proxy of ours whose client spoke https, or somebody on this machine."""
        if self._proxies.trusts(peer):
            return bool(scope["scheme"] == "https")
        known = address_of(peer)
        return known is not None and known.is_loopback


async def _within(app: Asgi, scope: Any, receive: Receive, send: Send) -> None:
    """Run the app, and answer for it where the body breaks off before it has begun to look."""
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


def _spelled(scope: dict[str, Any]) -> dict[str, Any]:
    """Spell the version of HTTP/1.0 requests (nginx proxies so by default) as ASGI does; Granian says `1`.

    ASGI allows any iterable for `client` and `headers`; they are read more than once here.
    """
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
    """Whether a browser may be told to remember https for this host: not for addresses, and not for localhost."""
    name = host.partition(":")[0].lower()
    return bool(name) and "[" not in host and address_of(name) is None and not f".{name}".endswith(".localhost")


def _hardened(send: Send, *, strict: bool) -> Send:
    wanted = (*_HEADERS, _STRICT) if strict else _HEADERS

    async def sending(event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            own = list(event.get("headers", ()))
            present = {name.lower() for name, _ in own}
            event = {**event, "headers": own + [header for header in wanted if header[0] not in present]}
        await send(event)

    return sending


def _timed(receive: Receive, seconds: float) -> Receive:
    """Give a body so many seconds to arrive; Problem 408 afterwards. Waiting for a client to leave has no end.

    Granian reports a body that breaks off, or is not framed as HTTP says, as a client that left: Problem 400, so that
    half a body is never taken for a whole one.
    """
    whole, deadline = False, 0.0

    async def receiving() -> dict[str, Any]:
        nonlocal whole, deadline
        if whole:
            return await receive()
        deadline = deadline or asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                event = await receive()
        except TimeoutError as error:
            raise Problem(408, "requestTimeout", "The body of the request did not arrive in time.") from error
        if event["type"] == "http.disconnect":
            raise Problem.bad_request("The body of the request breaks off, or is not framed as RFC 9112 says.")
        whole = not event.get("more_body")
        return event

    return receiving


async def _refuse(send: Send, problem: ApiError) -> None:
    body = msgspec.json.encode(problem.envelope())
    headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
