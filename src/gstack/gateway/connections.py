"""Limits for connections: how many one address may hold, and how long one may stay open without a request.

The server in front of the app accepts connections, shakes hands and reads requests, but it waits for idle clients as
long as they like, and each of them holds one of its places. This module watches the sockets of the process from the
side. It knows from the app which clients have a request in progress, and shuts down the connections that hold a place
without need. The server then sees the end of the connection and gives the place back.
"""

import asyncio
import os
import resource
import socket
import stat
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from gstack.config import Settings
from gstack.gateway.proxies import Proxies

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Peer = tuple[str, int]
_HANDLES = "/dev/fd"  # lists the open files of this process, on Linux and on macOS
_PIECE = 65_536  # bytes of a body that are handed to the server at once
_LOOK = 0.5  # seconds between two looks
_log = structlog.get_logger("gstack.connections")


class Limits(msgspec.Struct, frozen=True):
    """How many connections a worker has, and how long they last. Times are in seconds.

    `most` connections of all addresses, and `per_address` of one. The first request must come within `first_request`. A
    connection without a request in progress is closed after `idle`, or after `idle_when_full` while three quarters of
    the places are taken. A client that takes nothing of its answer for `stalled` is closed too.
    """

    most: int = 1024
    per_address: int = 256
    first_request: float = 10.0
    idle: float = 620.0  # a little more than Google's own frontends, which wait ten minutes
    idle_when_full: float = 3.0
    stalled: float = 60.0


class Connection(msgspec.Struct):
    """A connection of this worker. Times are of `time.monotonic`."""

    peer: Peer
    since: float
    used: bool = False  # whether a request came on it
    active: int = 0  # requests in progress
    last: float = 0.0  # when a request last began or ended
    sending: list[float] = []  # when the pieces of answers were handed over that the client has not taken yet


def surplus(
    connections: Iterable[Connection], limits: Limits, trusted: Callable[[str], bool], now: float
) -> list[Peer]:
    """The connections to close. Pure. A request in progress keeps its connection, unless the client takes no answer.

    `trusted` addresses are proxies: their connections stand for many clients, so `per_address` does not count for them.
    """
    everything = list(connections)
    idle = sorted((one for one in everything if not one.active), key=lambda one: (one.used, one.last or one.since))
    closing = {one.peer: None for one in everything if one.sending and now - min(one.sending) > limits.stalled}
    for one in idle:
        limit = limits.idle if one.used else limits.first_request
        if now - (one.last or one.since) > limit:
            closing[one.peer] = None
    open_from = Counter(one.peer[0] for one in everything if one.peer not in closing)
    total = open_from.total()
    for one in idle:
        address = one.peer[0]
        if one.peer in closing:
            continue
        crowded = total > limits.most * 3 // 4 and now - (one.last or one.since) > limits.idle_when_full
        if crowded or (open_from[address] > limits.per_address and not trusted(address)):
            closing[one.peer] = None
            open_from[address] -= 1
            total -= 1
    return list(closing)


class Connections:
    """An ASGI app around an ASGI app, which counts the requests of each connection and closes those over the limits."""

    def __init__(self, app: Asgi, settings: Settings, replace: Callable[[], None]) -> None:
        """Call `replace` to have this worker replaced: without handles the server stops accepting, for good."""
        server = settings.server
        self._app = app
        self._replace = replace
        self._port = server.port
        self._limits = Limits(most=server.connections, per_address=server.connections_per_address)
        self._proxies = Proxies(server.trust_proxy, "https")
        self._open: dict[Peer, Connection] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            watch = asyncio.create_task(self._watch())
            try:
                await self._app(scope, receive, send)
            finally:
                watch.cancel()
            return
        client = tuple(scope.get("client") or ("", 0))
        peer = (str(client[0]), int(client[1]))
        connection = self._open.setdefault(peer, Connection(peer, time.monotonic()))
        connection.used, connection.active, connection.last = True, connection.active + 1, time.monotonic()
        try:
            await self._app(scope, receive, _in_pieces(send, connection))
        finally:
            connection.active -= 1
            connection.last = time.monotonic()

    async def _watch(self) -> None:
        exhausted = False
        while True:
            await asyncio.sleep(_LOOK)
            ran_out = not _has_handles()
            self._look(time.monotonic())
            if ran_out and not exhausted:
                exhausted = True
                _log.error("no open files left: this worker is replaced. Raise the limit of open files (ulimit -n).")
                self._replace()

    def _look(self, now: float) -> None:
        handles = dict(_peers(self._port))
        self._open = {peer: self._open.get(peer) or Connection(peer, now) for peer in handles}
        closing = surplus(self._open.values(), self._limits, self._proxies.trusts, now)
        for peer in closing:
            _shut(handles[peer], peer, self._port)
        if len(closing) > 1:
            addresses = Counter(address for address, _ in closing).most_common(3)
            _log.warning("closed idle connections", count=len(closing), open=len(handles), most_from=dict(addresses))


def _in_pieces(send: Send, connection: Connection) -> Send:
    """Hand a large body to the server in pieces: each waits until the client took most of the one before it."""

    async def sending(event: dict[str, Any]) -> None:
        body = memoryview(event.get("body", b""))
        if len(body) <= _PIECE:
            await send(event)
            return
        for start in range(0, len(body), _PIECE):
            more = event.get("more_body", False) or start + _PIECE < len(body)
            moment = time.monotonic()
            connection.sending.append(moment)
            try:
                await send({"type": event["type"], "body": bytes(body[start : start + _PIECE]), "more_body": more})
            finally:
                connection.sending.remove(moment)

    return sending


def _has_handles() -> bool:
    try:
        os.close(os.dup(0))
    except OSError:
        return False
    return True


def _peers(port: int) -> Iterator[tuple[Peer, int]]:
    """The connections that clients opened to this port, with their handles. Needs no handle of its own."""
    try:
        handles: Iterable[int] = [int(name) for name in os.listdir(_HANDLES)]  # noqa: PTH208  # the names are numbers
    except OSError:  # all handles are taken, which is when it matters most
        handles = range(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for handle in handles:
        with suppress(OSError):  # the handle of the listing is gone by now, and listening sockets have no peer
            if stat.S_ISSOCK(os.fstat(handle).st_mode) and (peer := _peer(handle, port)):
                yield peer, handle


def _peer(handle: int, port: int) -> Peer | None:
    """Who is at the other end of a connection to this port."""
    borrowed = socket.socket(fileno=handle)
    try:
        if borrowed.family in {socket.AF_INET, socket.AF_INET6} and borrowed.getsockname()[1] == port:
            address, client_port = borrowed.getpeername()[:2]
            return str(address), int(client_port)
        return None
    finally:
        borrowed.detach()  # it stays the server's


def _shut(handle: int, peer: Peer, port: int) -> None:
    """Shut a connection down. Its handle may belong to something else by now, so look again first."""
    with suppress(OSError):
        if _peer(handle, port) == peer:
            borrowed = socket.socket(fileno=handle)
            try:
                borrowed.shutdown(socket.SHUT_RDWR)
            finally:
                borrowed.detach()
