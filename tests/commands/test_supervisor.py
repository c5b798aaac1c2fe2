"""The server as a process: the ready line, a clean stop, a killed one, everything still there."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cs
import pytest
import requests
from cryptography import x509

from conftest import free_port
from fixtures.postgresql import rows
from fixtures.processes import Process
from fixtures.shells import PROGRAM, run
from gstack import tls

Serve = Callable[..., Process]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start `gstack serve` on one home, again and again if need be."""
    started: list[Process] = []

    def starting(*options: str, **variables: str) -> Process:
        port = started[0].port if started else free_port()
        started.append(Process(tmp_path / "home", port, *options, **variables))
        return started[-1].ready()

    yield starting
    for server in started:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One server of two workers, for tests that leave it as it was."""
    server = Process(tmp_path_factory.mktemp("shared") / "home", free_port(), "--workers", "2").ready()
    yield server
    server.stop()


def token(server: Process) -> str:
    """An access token of the sandbox's demo account."""
    demo = json.loads((server.home / "sandbox.json").read_text())[0]
    form = {"grant_type": "client_credentials", "client_id": demo["api_key"], "client_secret": demo["secret_key"]}
    answer = requests.post(
        f"{server.url}/oauth2/token", data=form, verify=str(server.home / "tls" / "ca.pem"), timeout=30
    )
    return str(answer.json()["access_token"])


def test_first_start_says_what_to_do_next(serve: Serve) -> None:
    """Without a CloudStack it starts the sandbox, says so, and prints lines to copy and paste."""
    server = serve()
    assert "No CloudStack is configured: starting the built-in sandbox." in server.output
    assert f"is ready: https://localhost:{server.port}" in server.output
    assert "client gcloud" in server.output
    assert server.home.stat().st_mode & 0o777 == 0o700
    open_to_others = {file.name for file in server.home.iterdir() if file.is_file() and file.stat().st_mode & 0o077}
    assert open_to_others == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean_and_everything_is_still_there(serve: Serve, number: int) -> None:
    """A signal ends it with code 0; tokens and machines' zones are as before after the next start."""
    first = serve()
    access = token(first)
    before = first.get("/compute/v1/projects/demo/zones", access).json()
    assert first.stop(number) == 0, first.output
    assert "panicked" not in first.output
    assert "Traceback" not in first.output
    second = serve()
    assert second.get("/compute/v1/projects/demo/zones", access).json() == before


def test_a_killed_server_leaves_nothing_that_keeps_the_next_from_starting(serve: Serve) -> None:
    """After kill -9 workers and sandbox end by themselves, and the port is free."""
    first = serve()
    first.stop(signal.SIGKILL)
    assert first.gone()
    assert serve().get("/healthz").json()["status"] == "ok"


def test_a_server_of_another_cloud_leaves_operations_alone(serve: Serve, tmp_path: Path) -> None:
    """What a killed server left on a shared database is not taken over by one whose CloudStack is another."""
    shared_database = f"sqlite+aiosqlite:///{tmp_path / 'both.db'}"
    first = serve(GSTACK_DATABASE=shared_database, GSTACK_OPERATIONS_ANSWER_WITHIN="0")
    body = {"name": "d", "sizeGb": "5"}
    path = f"{first.url}/compute/v1/projects/demo/zones/sandbox-east1-a/disks"
    bearer = {"Authorization": f"Bearer {token(first)}"}
    authority = str(first.home / "tls" / "ca.pem")
    assert requests.post(path, json=body, headers=bearer, verify=authority, timeout=30).json()["status"] == "RUNNING"
    first.stop(signal.SIGKILL)
    assert first.gone()
    elsewhere = "http://127.0.0.1:9/client/api"
    second = serve("-p", "b", GSTACK_DATABASE=shared_database, GSTACK_CLOUDSTACK_ENDPOINT=elsewhere)
    time.sleep(2)  # it looks for such operations when it starts
    unfinished = rows(shared_database, "SELECT status, cloud FROM operations")
    assert unfinished == [("RUNNING", "sandbox")], second.output
    assert "taken over" not in second.output


def test_workers_share_everything(shared: Process) -> None:
    """A token that one worker gave is good at the others."""
    access = token(shared)
    answers = {shared.get("/compute/v1/projects/demo/zones", access).status_code for _ in range(12)}
    assert answers == {200}


def workers(server: Process) -> set[int]:
    """The worker processes of a server."""
    listed = subprocess.run(
        ["pgrep", "-P", str(server.process.pid), "-f", "spawn_main"], capture_output=True, text=True, check=False
    )
    return {int(pid) for pid in listed.stdout.split()}


def test_a_worker_that_dies_twice_leaves_the_others_alone(shared: Process) -> None:
    """A worker that dies again within seconds of its new start is started again; its sibling goes on."""
    healthy, dying = workers(shared)
    for _ in range(2):
        os.kill(dying, signal.SIGKILL)
        end = time.monotonic() + 30
        while len(workers(shared) - {dying}) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        (dying,) = workers(shared) - {dying, healthy}
    assert healthy in workers(shared)
    assert shared.get("/healthz").status_code == 200
    assert "workers died" not in shared.output


def test_a_port_in_use_is_said_plainly(shared: Process) -> None:
    """The second server on a port says what to do instead of a traceback."""
    second = Process(shared.home.with_name("second"), shared.port)
    assert second.ended() == 1
    assert "Cannot listen" in second.output
    assert "Traceback" not in second.output


def test_the_sandbox_is_a_cloudstack_for_any_client(shared: Process) -> None:
    """`gstack client cloudstack` prints what CloudStack's own clients read."""
    exports = run([PROGRAM, "client", "cloudstack"], shared.environment)
    values = dict(line.removeprefix("export ").split("=", 1) for line in exports.splitlines())
    client = cs.CloudStack(
        endpoint=values["CLOUDSTACK_ENDPOINT"].strip("'"), key=values["CLOUDSTACK_KEY"].strip("'"),
        secret=values["CLOUDSTACK_SECRET"].strip("'"),
    )  # fmt: skip
    assert {zone["name"] for zone in client.listZones()["zone"]} >= {"Sandbox-simulator", "sandbox-east1-a"}


def test_a_second_on_one_home_is_refused_and_harms_nothing(shared: Process) -> None:
    """Two sandboxes on one state would tear it apart: the second says so in a line, the first goes on."""
    second = Process(shared.home, free_port())
    assert second.ended() == 1
    assert "Another gstack may run" in second.output
    assert "Traceback" not in second.output
    assert shared.get("/compute/v1/projects/demo/zones", token(shared)).status_code == 200
    assert "CLOUDSTACK_ENDPOINT" in run([PROGRAM, "client", "cloudstack"], shared.environment)


def plain(server: Process, path: str, **headers: str) -> int:
    """The status of a plain HTTP request."""
    import requests  # noqa: PLC0415

    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"http://localhost:{server.port}{path}", headers=sent, timeout=30).status_code


def test_plain_http_on_this_machine(serve: Serve) -> None:
    """With --insecure-http on loopback there is no TLS, and what it prints says http."""
    server = serve("--insecure-http")
    assert f"is ready: http://localhost:{server.port}" in server.output
    assert plain(server, "/compute/v1/projects/demo/zones") == 401
    assert not (server.home / "tls").exists()


def test_behind_a_proxy_that_ends_tls(serve: Serve) -> None:
    """With a trusted proxy its clients' scheme counts: https passes, plain HTTP on the way is refused."""
    server = serve("--insecure-http", "--trust-proxy", "127.0.0.1")
    path = "/compute/v1/projects/demo/zones"
    assert plain(server, path, X_Forwarded_Proto="https", X_Forwarded_For="192.0.2.1") == 401
    assert plain(server, path, X_Forwarded_Proto="http", X_Forwarded_For="192.0.2.1") == 403
    assert plain(server, path, X_Forwarded_Proto="https", X_Forwarded_Host="evil.example") == 421


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--insecure-http", "--bind", "0.0.0.0"), "Plain HTTP on 0.0.0.0"),
        (("--trust-proxy", "proxy.example"), "not an IP address"),
    ],
)
def test_plain_http_for_the_network_is_refused(tmp_path: Path, options: tuple[str, ...], word: str) -> None:
    """Nobody serves tokens in the clear by accident: it says what to do instead."""
    server = Process(tmp_path / "home", free_port(), *options)
    assert server.process.wait(60) == 1
    assert word in server.output
    assert "Traceback" not in server.output


def handshake(server: Process, version: ssl.TLSVersion, ciphers: str) -> str:
    """Offer one version of TLS with some ciphers; the cipher agreed on, or nothing."""
    context = ssl.create_default_context(cafile=str(server.home / "tls" / "ca.pem"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the point
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain_socket:
        try:
            with context.wrap_socket(plain_socket, server_hostname="localhost") as connection:
                return str((connection.cipher() or [""])[0])
        except (ssl.SSLError, ConnectionError):
            return ""


def test_tls_is_modern(shared: Process) -> None:
    """TLS 1.2 with forward secrecy and 1.3 are spoken; 1.1, CBC, RSA key exchange are not."""
    assert handshake(shared, ssl.TLSVersion.TLSv1_3, "DEFAULT").startswith("TLS_")
    assert handshake(shared, ssl.TLSVersion.TLSv1_2, "DEFAULT").startswith("ECDHE-")
    weak = "@SECLEVEL=0"
    assert not handshake(shared, ssl.TLSVersion.TLSv1_1, f"ALL:{weak}")
    for old in ("AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"):
        assert not handshake(shared, ssl.TLSVersion.TLSv1_2, f"{old}:{weak}"), old


def raw(server: Process, request: bytes, seconds: float = 10) -> bytes:
    """Send bytes over TLS; what comes back until the server closes or falls silent."""
    context = ssl.create_default_context(cafile=str(server.home / "tls" / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as plain_socket,
        context.wrap_socket(plain_socket, server_hostname="localhost") as connection,
    ):
        try:
            with suppress(ssl.SSLEOFError, ConnectionError):  # it may answer and close before it has read everything
                connection.sendall(request)
            return connection.recv(65_536)
        except (TimeoutError, ssl.SSLEOFError, ConnectionError):
            return b""


def test_headers_have_a_limit(shared: Process) -> None:
    """A request line or headers beyond 64 KiB are refused, and the server goes on."""
    begin = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    assert b" 200 " in raw(shared, begin + b"X-Long: " + b"x" * 30_000 + b"\r\n\r\n")[:20]
    answer = raw(shared, begin + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n")
    assert b" 431 " in answer[:20] or not answer
    many = b"".join(b"X-%d: y\r\n" % number for number in range(5_000))
    answer = raw(shared, begin + many + b"\r\n")
    assert b" 431 " in answer[:20] or not answer
    assert shared.get("/healthz").status_code == 200


def test_slow_headers_are_cut_off(shared: Process) -> None:
    """A client that begins its first request and does not finish the headers is closed after ten seconds."""
    begun = time.monotonic()
    assert raw(shared, b"GET / HTTP/1.1\r\nHost: local", seconds=60) == b""
    assert 8 < time.monotonic() - begun < 25


def test_a_slow_body_is_cut_off(serve: Serve) -> None:
    """A body that does not come is answered 408 after its time, not held for ever."""
    server = serve(GSTACK_SERVER_BODY_TIMEOUT="1")
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    answer = raw(server, b"POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\n" + form + b"grant_type=")
    assert b" 408 " in answer[:20], answer


def test_the_certificate_names_the_public_url_s_host(serve: Serve) -> None:
    """Links and key files say the public URL, so clients ask for its host; asking for the authority changes nothing."""
    server = serve(
        GSTACK_SERVER_PUBLIC_URL="https://gce.example.com:5952", GSTACK_SERVER_HOSTS='["other.example:5000"]'
    )
    assert "is ready: https://gce.example.com:5952" in server.output
    path = server.home / "tls" / "server.pem"
    before = path.read_bytes()
    shown = x509.load_pem_x509_certificate(before).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert {"gce.example.com", "other.example"} <= set(shown.value.get_values_for_type(x509.DNSName))
    assert server.get("/ca.pem").content == (server.home / "tls" / "ca.pem").read_bytes()
    run([PROGRAM, "client", "gcloud"], server.environment)
    assert path.read_bytes() == before
    known = {"Host": "gce.example.com:5952"}
    zones = f"{server.url}/compute/v1/projects/demo/zones"
    answer = requests.get(zones, headers=known, verify=str(server.home / "tls" / "ca.pem"), timeout=30)
    assert answer.status_code == 401


def test_on_ipv6_its_urls_have_brackets(serve: Serve) -> None:
    """The ready line's URL works."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    server = serve("--bind", "::1")
    assert f"is ready: https://[::1]:{server.port}" in server.output
    ca = str(server.home / "tls" / "ca.pem")
    assert requests.get(f"https://[::1]:{server.port}/healthz", verify=ca, timeout=30).status_code == 200


def test_an_expired_certificate_is_said(tmp_path: Path) -> None:
    """One's own certificate that has ended is served, and the log says at start which file it is and since when."""
    _, cert, key = tls.ensure(tmp_path / "own", now=datetime.now(UTC) - timedelta(days=500))
    server = Process(tmp_path / "home", free_port(), "--cert", str(cert), "--key", str(key)).ready()
    server.stop()
    assert "the certificate has expired" in server.output
    assert str(cert) in server.output
