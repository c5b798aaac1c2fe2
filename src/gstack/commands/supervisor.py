"""The process of `gstack serve`: checks before the start, workers, the sandbox, TLS, a clean stop.

A server has three kinds of processes: this one, which supervises; the workers, each with an app of its own, on one
shared socket; and, without a configured CloudStack, the sandbox. Workers get the settings as JSON in `GSTACK_SETTINGS`.
"""

import asyncio
import ipaddress
import logging
import multiprocessing
import os
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec
import structlog
from granian import Granian
from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.common import AbstractServer

from gstack import tls
from gstack.commands.running_server import Note
from gstack.config import PARENT_VARIABLE, SETTINGS_VARIABLE, Settings, SettingsError, encode
from gstack.db.engine import DatabaseError, prepared
from gstack.gateway.proxies import Proxies
from gstack.sandbox.server import spawn

_STOP_SECONDS = 120  # a long poll may last nearly two minutes; a request in flight ends before the worker does
_RENEWAL_CHECK = 3600.0
_HEADERS = 65_536  # bytes of a request's line and headers
_STREAMS = 100  # requests at a time on one HTTP/2 connection
_READY_SECONDS = 60.0
_BACKLOG = 1024  # connections that the system accepts before a worker has a place for them
_HANDLES = 65_536  # open files that a worker asks for
_OWN_HANDLES = 320  # of these, for CloudStack, the database, pipes and files: an accept without a handle would fail
_FEWEST = 32  # connections that are served however few handles there are
_SANDBOX_POLL = 0.05
_CRASH_PAUSE = 1.0  # seconds until the next start when workers die again and again
_log = structlog.get_logger("gstack.supervisor")


class ServeError(RuntimeError):
    """The server cannot start. The text says why and what to do."""


def serve(settings: Settings, ready: Callable[[Settings], None]) -> None:
    """Serve until SIGTERM or SIGINT. Once the server answers, `ready` is called with the settings in force."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_plain(settings)
    _check_own_certificate(settings)
    _check_port(settings)
    _check_authorities(settings)
    asyncio.run(_prepare_database(settings))
    sandbox = None if settings.cloudstack.endpoint else SandboxProcess(settings.home)
    if sandbox:
        settings = _on_sandbox(settings, sandbox.url)
    note = Note(settings, on_sandbox=sandbox is not None)
    try:
        _serve(settings, ready)
    finally:
        note.remove()
        if sandbox:
            sandbox.stop()


def _on_sandbox(settings: Settings, endpoint: str) -> Settings:
    """Return the settings for the sandbox. Its jobs are short and queries are cheap, so jobs are polled often."""
    operations = settings.operations
    often = min(operations.poll_interval, _SANDBOX_POLL)
    return msgspec.structs.replace(
        settings,
        own_sandbox=True,
        cloudstack=msgspec.structs.replace(settings.cloudstack, endpoint=endpoint),
        operations=msgspec.structs.replace(operations, poll_interval=often),
    )


async def _prepare_database(settings: Settings) -> None:
    """Migrate once, before the workers start, and check that the sealing key opens the secrets of the database."""
    from gstack.auth.keys.sealing import (  # noqa: PLC0415  # late: nothing else in this process needs auth
        WrongKeyError,
        check,
        load_seal,
    )

    try:
        seal = load_seal(settings.home)
        engine = await prepared(settings.database_url)
        try:
            await check(engine, seal)
        finally:
            await engine.dispose()
    except WrongKeyError as error:
        raise ServeError(error.message) from error
    except DatabaseError as error:
        raise ServeError(str(error)) from error


def certificate(settings: Settings) -> tuple[Path, Path]:
    """Return the certificate and key to serve with: the operator's, or ours, renewed where due."""
    if settings.server.cert or settings.server.key:
        return Path(settings.server.cert), Path(settings.server.key)
    names = (settings.server.bind, *settings.server.hosts, settings.public_url)
    _, cert, key = tls.ensure(settings.home, names, profile=settings.profile)
    return cert, key


def _check_authorities(settings: Settings) -> None:
    files = {"cloudstack.ca_file": settings.cloudstack.ca_file}
    files |= {f"trust.{name}.ca_file": issuer.ca_file for name, issuer in settings.trust.items()}
    for setting, ca_file in files.items():
        try:
            ssl.create_default_context(cafile=ca_file or None)
        except OSError as error:  # also a file that is not PEM
            raise ServeError(
                f"The setting {setting} is wrong: no certificate can be read from {ca_file}: {error}"
            ) from error


def _check_own_certificate(settings: Settings) -> None:
    if not settings.server.cert or settings.server.insecure_http:
        return
    try:
        end = tls.check_own(Path(settings.server.cert), Path(settings.server.key))
    except (ValueError, OSError) as error:
        raise ServeError(str(error)) from error
    if end <= datetime.now(UTC):
        text = "the certificate has expired: clients refuse it. Renew it and start gstack again"
        _log.error(text, file=settings.server.cert, expired=f"{end:%Y-%m-%dT%H:%MZ}")


def _check_plain(settings: Settings) -> None:
    """Refuse plain HTTP where others could read tokens: anywhere but on loopback or behind a proxy with TLS."""
    server = settings.server
    try:
        Proxies(server.trust_proxy, "https")
    except SettingsError as error:
        raise ServeError(str(error)) from error
    if not server.insecure_http:
        return
    if server.cert or server.key:
        raise ServeError("--insecure-http serves without TLS: leave out --cert and --key, or --insecure-http.")
    if not server.trust_proxy and not ipaddress.ip_address(_address(server.bind)).is_loopback:
        raise ServeError(
            f"Plain HTTP on {server.bind} would show tokens and keys to the network. Bind localhost, or name the proxy "
            "in front that ends TLS: --insecure-http --trust-proxy ADDRESS"
        )


def _serve(settings: Settings, ready: Callable[[Settings], None]) -> None:
    os.environ[SETTINGS_VARIABLE], os.environ[PARENT_VARIABLE] = encode(settings), str(os.getpid())
    multiprocessing.set_start_method("spawn", force=True)  # a fork would copy our threads' locks and pipes
    stopped, announced = threading.Event(), threading.Event()
    _in_background(lambda: _announce(settings, ready, stopped, announced))
    _in_background(lambda: _renew(settings, stopped))
    logging.getLogger("_granian").setLevel(logging.WARNING)
    try:
        while _crashed(_server(settings), announced) and not _stop_signalled(_CRASH_PAUSE):
            _log.error("workers died one after the other: starting again")
    finally:
        stopped.set()


class _Respawns(dict[int, float]):
    """When each worker was last started anew, as Granian asks before it starts one again.

    Granian ends all workers if one dies within seconds of its start. That is right at first, when the app cannot start
    at all. Later it would take the healthy workers along, so then this knows of no start.
    """

    def __init__(self, announced: threading.Event) -> None:
        super().__init__()
        self._announced = announced

    def get(self, worker: int, default: Any = 0.0) -> Any:
        """The time of the last start, or the default once the server has been ready."""
        return default if self._announced.is_set() else super().get(worker, default)


def _crashed(server: AbstractServer[Any], announced: threading.Event) -> bool:
    """Serve. True where Granian gave up because workers died again and again, though they had worked before."""
    server.respawned_wrks = _Respawns(announced)
    try:
        server.serve()
    except SystemExit:
        if server.interrupt_signal or not announced.is_set():
            raise
        return True
    return False


def _stop_signalled(seconds: float) -> bool:
    """Wait, and return whether SIGTERM or SIGINT came meanwhile, while no server handles them."""
    signalled = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: signalled.set())
    return signalled.wait(seconds)


def _server(settings: Settings) -> AbstractServer[Any]:
    cert, key = (None, None) if settings.server.insecure_http else certificate(settings)
    return Granian(
        "gstack.app:from_environment",
        factory=True,
        address=_address(settings.server.bind),
        port=settings.server.port,
        interface=Interfaces.ASGI,
        workers=settings.server.workers,
        websockets=False,
        ssl_cert=cert,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
        http1_settings=HTTP1Settings(header_read_timeout=30_000, max_buffer_size=_HEADERS),
        http2_settings=HTTP2Settings(max_headers_size=_HEADERS, max_concurrent_streams=_STREAMS),
        backlog=_BACKLOG,
        backpressure=min(settings.server.connections, max(_FEWEST, _handles() - _OWN_HANDLES)),
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels.warning,
    )


def _handles() -> int:
    """How many files and sockets a worker may have open: as many as this user may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _HANDLES if hard == resource.RLIM_INFINITY else min(hard, _HANDLES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        return limit
    return _HANDLES if soft == resource.RLIM_INFINITY else soft


def _in_background(function: Callable[[], None]) -> None:
    threading.Thread(target=function, daemon=True).start()


def _announce(
    settings: Settings, ready: Callable[[Settings], None], stopped: threading.Event, announced: threading.Event
) -> None:
    """Query the server until it answers, then call `ready`."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # this is our own server, whatever its name
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    scheme = "http" if settings.server.insecure_http else "https"
    url = f"{scheme}://{_host_in_url(_address(settings.server.bind))}:{settings.server.port}/healthz"
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and not stopped.is_set():
        try:
            with opener.open(url, timeout=2):
                announced.set()
                return ready(settings)
        except (OSError, HTTPException):
            time.sleep(0.1)
    return None


def _renew(settings: Settings, stopped: threading.Event) -> None:
    """Check every hour whether our certificate is due. A graceful reload brings a new one to the workers."""
    if settings.server.cert or settings.server.insecure_http:
        return
    served = certificate(settings)[0].read_bytes()
    while not stopped.wait(_RENEWAL_CHECK):
        due = certificate(settings)[0].read_bytes()
        if due != served:  # also where another server of the profile renewed it
            served = due
            os.kill(os.getpid(), signal.SIGHUP)


def _address(bind: str) -> str:
    """Return an IP address, because Granian takes no names. `localhost` is 127.0.0.1, which every client tries."""
    try:
        found = socket.getaddrinfo(bind, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ServeError(f"The bind address {bind!r} is not an address of this machine: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    return next((address for address in addresses if "." in address), addresses[0])


def _host_in_url(address: str) -> str:
    if address in {"0.0.0.0", "::"}:  # noqa: S104  # compared, not bound
        return "127.0.0.1"
    return f"[{address}]" if ":" in address else address


def _check_port(settings: Settings) -> None:
    address, port = _address(settings.server.bind), settings.server.port
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            text = f"Cannot listen on {address} port {port}: {error.strerror}. Choose another: gstack serve --port 5001"
            raise ServeError(text) from error


class SandboxProcess:
    """The sandbox in a process of its own, which is started again when it dies."""

    def __init__(self, home: Path) -> None:
        self._home = home
        try:
            self._process, self.url = spawn(home)
        except OSError as error:
            text = f"{error}. Another gstack may run on {home}: stop it, or set GSTACK_HOME to another folder."
            raise ServeError(text) from error
        self._stopping = threading.Event()
        _in_background(self._watch)

    def stop(self) -> None:
        """Stop the sandbox. Its state is in a file."""
        self._stopping.set()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()

    def _watch(self) -> None:
        port = self.url.split(":")[2].split("/")[0]
        while not self._stopping.is_set():
            self._process.wait()
            if not self._stopping.wait(0.5):
                self._process, _ = spawn(self._home, "--port", port)
