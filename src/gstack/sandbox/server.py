"""Starting a sandbox: in this process, in a thread, or in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from granian.constants import Interfaces
from granian.server.embed import Server

from gstack.sandbox.app import API_PATH, application
from gstack.sandbox.dispatch import Sandbox
from gstack.sandbox.settings import SandboxSettings

START_SECONDS = 20.0
LINGER_SECONDS = 0.1  # Granian's threads release Python a little later; a process that ends earlier is aborted


def serve(
    settings: SandboxSettings,
    host: str = "127.0.0.1",
    port: int = 0,
    port_file: Path | None = None,
    *,
    follow: bool = False,
    announce: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or SIGINT. With `port` 0 a free one is taken.

    When it listens, the URL is written to `port_file`, and `announce` is called with it.

    `follow` also ends it when standard input ends, which tells that the parent process is gone.
    """

    def ready(url: str) -> None:
        if port_file:
            partial = port_file.with_suffix(".partial")
            partial.write_text(url)
            partial.replace(port_file)
        announce(url)

    asyncio.run(_serve(Sandbox(settings), host, port, ready, asyncio.Event(), signals=True, follow=follow))


async def _serve(
    sandbox: Sandbox,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stop: asyncio.Event,
    *,
    signals: bool,
    follow: bool = False,
) -> None:
    with _reserved(host, port) as free_port:
        server = Server(
            application(sandbox),
            address=host,
            port=free_port,
            interface=Interfaces.ASGI,
            log_enabled=False,
            websockets=False,
        )
        running = asyncio.create_task(server.serve())
        await _listens(running, host, free_port)
    if signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if follow:
        asyncio.get_running_loop().add_reader(sys.stdin, _until_end, stop)
    ready(f"http://{_shown(host)}:{free_port}{API_PATH}")
    await asyncio.wait({running, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]  # Granian has no types here
    await running
    await asyncio.sleep(LINGER_SECONDS)


def _until_end(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        stop.set()


@contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Reserve a port (0: a free one) until the server has bound it: Granian uses SO_REUSEPORT and hides its port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
        yield holder.getsockname()[1]


async def _listens(running: asyncio.Task[None], host: str, port: int) -> None:
    while not running.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        writer.close()
        return
    running.result()
    raise OSError("the sandbox's server ended before it listened")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class ThreadedSandbox:
    """A sandbox in a thread of this process: it starts quickly, and tests can look into its world."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.sandbox = Sandbox(settings)
        self.url = ""
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="sandbox")

    def start(self) -> str:
        """Start and return the URL of its API."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError(f"the sandbox did not listen within {START_SECONDS} seconds")
        return self.url

    def stop(self) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        await _serve(self.sandbox, "127.0.0.1", 0, self._listening, self._stop, signals=False)

    def _listening(self, url: str) -> None:
        self.url = url
        self._ready.set()


@contextmanager
def running(settings: SandboxSettings) -> Iterator[ThreadedSandbox]:
    """Run a sandbox in a thread on a free loopback port while the block lasts."""
    server = ThreadedSandbox(settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def spawn(home: Path, *options: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start `python -m gstack.sandbox` in a process of its own; return it and the URL of its API.

    State and keys lie in `home` (see `load_or_create_keys`). End it with `terminate()`.
    """
    port_file = home / f"sandbox.{os.getpid()}.url"
    command = [sys.executable, "-m", "gstack.sandbox", "--home", str(home), "--port-file", str(port_file), *options]
    command.append("--follow")
    # A session of its own: Ctrl-C reaches the gateway alone, which finishes its requests before it ends the sandbox.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  # our own program
    end = time.monotonic() + START_SECONDS
    while not port_file.exists():
        if process.poll() is not None or time.monotonic() > end:
            _give_up(process)
        time.sleep(0.02)
    url = port_file.read_text()
    port_file.replace(home / "sandbox.url")
    return process, url


def _give_up(process: subprocess.Popen[bytes]) -> NoReturn:
    process.kill()
    code = process.wait()
    if process.stdin:
        process.stdin.close()
    raise OSError(f"the sandbox did not start (exit code {code})")
