"""Two gateways on one database and one sandbox, each in a process that can be killed and paused."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import requests

from fixtures.gce import Gce
from fixtures.mortal import TIMES, Mortal, free_port
from fixtures.servers import Stack
from gstack.config import CloudStackSettings, ServerSettings, Settings
from gstack.sandbox.server import ThreadedSandbox
from gstack.sandbox.settings import AccountKeys, SandboxSettings

LEASE = 2.0  # seconds
SECONDS = 60.0


class Replica(msgspec.Struct):
    """One gateway, and the account `demo` at it."""

    gateway: Mortal
    gce: Gce


class Replicas(msgspec.Struct):
    """Both, and the switches of the sandbox behind them."""

    first: Replica
    second: Replica
    stack: Stack

    def fault(self, command: str, kind: str, **more: Any) -> None:
        url = self.stack.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
        rule = {"command": command, "kind": kind, "count": 1, **more}
        requests.post(url, json=rule, timeout=10).raise_for_status()

    def pause_first(self) -> int:
        """Stop the first gateway's process, not while it has SQLite's one write lock: nobody can take that away."""
        pid = self.first.gateway.pid()
        while True:
            os.kill(pid, signal.SIGSTOP)
            if _is_free(self.stack.settings.database_url):
                return pid
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.005)

    def ended(self, replica: Replica, operation: dict[str, Any]) -> dict[str, Any]:
        """An operation once DONE, as this replica shows it."""
        path, end = operation["selfLink"].split("/projects/demo/")[1], time.monotonic() + SECONDS
        while time.monotonic() < end:
            shown: dict[str, Any] = replica.gce.get(path)
            if shown["status"] == "DONE":
                return shown
            time.sleep(0.05)
        raise TimeoutError(operation["name"])


def _is_free(database_url: str) -> bool:
    """Whether others can write; PostgreSQL ends the transactions of a process that is paused."""
    if not database_url.startswith("sqlite"):
        return True
    try:
        with closing(sqlite3.connect(database_url.partition("///")[2], timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """Send requests at the very same time; their answers in the order of the calls."""
    barrier = threading.Barrier(len(calls))

    def sent(call: Callable[[], requests.Response]) -> requests.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(sent, calls))


@contextmanager
def replicas(home: Path, database: str) -> Iterator[Replicas]:
    account = AccountKeys("demo", "demo-".ljust(86, "k"), "demo-".ljust(86, "s"), "demo-password")
    sandbox = ThreadedSandbox(SandboxSettings((account,), job_delay=0.3))
    settings = Settings(
        home=home,
        database=database,
        cloudstack=CloudStackSettings(endpoint=sandbox.start(), reference_seconds=1.0),
        operations=msgspec.structs.replace(TIMES, lease=LEASE),
    )
    gateways = []
    try:
        for _ in range(2):
            server = ServerSettings(port=free_port())
            gateways.append(Mortal(msgspec.structs.replace(settings, server=server)).ready())
        stacks = [Stack(cast("Any", one), sandbox, {"demo": account}, one.settings) for one in gateways]
        first, second = (Replica(gateway, Gce(one)) for gateway, one in zip(gateways, stacks, strict=True))
        yield Replicas(first, second, stacks[0])
    finally:
        for gateway in gateways:
            gateway.stop()
        sandbox.stop()
