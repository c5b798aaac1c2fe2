"""Limits of connections: whom to close, as a pure function, and the server under idle clients."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import requests

from fixtures.gce import Gce
from fixtures.servers import Stack
from gstack.gateway.connections import Connection, Limits, Peer, surplus

LIMITS = Limits(most=8, per_address=3, first_request=10.0, idle=600.0, idle_when_full=3.0)
NOW = 1000.0


def opened(address: str, port: int, seconds: float = 0.0, *, used: bool = False, active: int = 0) -> Connection:
    """A connection that was opened, or last used, so many seconds ago."""
    moment = NOW - seconds
    return Connection((address, port), moment, used=used, active=active, last=moment if used else 0.0)


def closed(*connections: Connection, trusted: str = "") -> list[Peer]:
    return surplus(connections, LIMITS, lambda address: address == trusted, NOW)


def test_the_first_request_must_come_soon() -> None:
    """A connection without any request is closed after seconds, one that was used after minutes."""
    late = opened("a", 1, 11)
    assert closed(late, opened("a", 2, 9), opened("a", 3, 599, used=True)) == [late.peer]
    old = opened("a", 3, 601, used=True)
    assert closed(old) == [old.peer]


def test_a_request_in_progress_is_never_cut_off() -> None:
    """However old it is, and however many its address has, a connection with a request stays."""
    assert closed(*(opened("a", port, 5000, used=True, active=1) for port in range(20))) == []


def test_a_client_must_take_its_answer() -> None:
    """A client that takes nothing of its answer for a minute is closed though its request is in progress."""
    stalled = opened("a", 1, 100, used=True, active=1)
    stalled.sending = [NOW - 61, NOW - 2]
    slow = opened("a", 2, 100, used=True, active=1)
    slow.sending = [NOW - 59]
    assert closed(stalled, slow) == [stalled.peer]


def test_a_large_answer_arrives_whole(gce: Gce) -> None:
    """An answer that is handed over in pieces arrives as one."""
    answer = requests.get(
        f"{gce.stack.app.url}/discovery/v1/apis/compute/v1/rest",
        headers={"Accept-Encoding": "identity"},
        verify=str(gce.stack.app.authority),
        timeout=30,
    )
    assert len(answer.content) == int(answer.headers["Content-Length"]) > 500_000
    assert answer.json()["name"] == "compute"


def test_one_address_has_its_share() -> None:
    """What is over the share of an address goes, idle ones first that never sent a request; other addresses stay."""
    fresh = [opened("a", port) for port in range(2)]
    used = [opened("a", port, 1, used=True) for port in (10, 11)]
    busy = opened("a", 20, 1, used=True, active=1)
    assert closed(*used, busy, *fresh, opened("b", 1)) == [one.peer for one in fresh]


def test_a_proxy_stands_for_many() -> None:
    """The share of an address does not count for a trusted proxy."""
    connections = [opened("proxy", port, 1, used=True) for port in range(5)]
    assert closed(*connections, trusted="proxy") == []
    assert len(closed(*connections)) == 2


def test_idle_ones_give_way_when_places_are_few() -> None:
    """While most places are taken, connections that were idle for seconds are closed, the oldest first."""
    connections = [opened(str(port), port, 4 + port, used=True) for port in range(8)]
    assert closed(*connections) == [("7", 7), ("6", 6)]


@pytest.fixture
def crowded(start: Callable[..., Stack]) -> Stack:
    """A server that gives an address few connections."""
    return start(server_changes={"connections_per_address": 20})


def test_idle_clients_do_not_block_others(crowded: Stack) -> None:
    """Sixty idle connections from one address, half of them with TLS, are closed, and the server answers meanwhile."""
    port, url = crowded.settings.server.port, f"{crowded.app.url}/healthz"
    context = ssl.create_default_context(cafile=str(crowded.app.authority))
    with ExitStack() as opened_here:
        idle = []
        for number in range(60):
            connection = opened_here.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            if number % 2:
                connection = opened_here.enter_context(context.wrap_socket(connection, server_hostname="localhost"))
            idle.append(connection)
        end = time.monotonic() + 20
        while (left := len([one for one in idle if _is_open(one)])) > 20 and time.monotonic() < end:
            assert requests.get(url, verify=str(crowded.app.authority), timeout=5).status_code == 200
        assert left <= 20


def _is_open(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False
