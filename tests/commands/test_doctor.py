"""`gstack doctor`, as a user types it."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from conftest import free_port
from fixtures.processes import Process
from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, gstack, run
from gstack import tls
from gstack.cloudstack.signing import KeyPair
from gstack.commands.doctor import Finding, examine
from gstack.config import CloudStackSettings, NameSettings, ServerSettings, Settings


def test_doctor_finds_all_well_and_what_is_not(product: Stack) -> None:
    """A healthy server has no advice; a wrong endpoint has."""
    report = gstack(product, "doctor")
    assert "✗" not in report
    assert "sandbox-east1-a (region sandbox-east1)" in report
    known = environment(product) | {"GSTACK_CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "→" in done.stdout


@pytest.mark.parametrize("options", [(), ("--trust-proxy", "127.0.0.1")])
def test_plain_http_is_no_fault(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A server on loopback or behind a proxy has no certificate, and needs none."""
    server = Process(tmp_path / "home", free_port(), "--insecure-http", *options).ready()
    try:
        assert "✗" not in run([PROGRAM, "doctor"], server.environment)
    finally:
        server.stop()


def test_a_server_with_an_own_certificate_is_healthy(tmp_path: Path) -> None:
    """`gstack doctor` asks it with the certificate that it was given."""
    _, cert, key = tls.ensure(tmp_path / "elsewhere")
    server = Process(tmp_path / "home", free_port(), "--cert", str(cert), "--key", str(key)).ready()
    try:
        assert "✗" not in run([PROGRAM, "doctor"], server.environment)
    finally:
        server.stop()


def findings(settings: Settings, url: str, keys: KeyPair | None = None) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(settings, url, keys)}


def test_all_is_well_on_a_running_server(product: Stack) -> None:
    """Nothing to advise: state, TLS, server, clock, keys, zones."""
    product.settings.home.chmod(0o700)
    found = findings(product.settings, product.app.url, product.pair())
    assert {subject for subject, finding in found.items() if finding.advice} == set()
    assert {"state", "TLS", "server", "keys", "zones"} <= set(found)


def test_before_the_first_start_it_says_to_start(tmp_path: Path) -> None:
    """A home that is not there yet, a server that does not answer."""
    found = findings(Settings(home=tmp_path / "none"), f"https://localhost:{free_port()}")
    assert "Start" in found["state"].advice
    assert "Start" in found["server"].advice
    assert "sandbox" in found["CloudStack"].text


def test_an_open_home_and_an_old_certificate_are_named(tmp_path: Path) -> None:
    """Others may read the state; the certificate ends soon."""
    tls.ensure(tmp_path, now=datetime.now(UTC) - timedelta(days=380))
    tmp_path.chmod(0o755)
    found = findings(Settings(home=tmp_path), "https://localhost:1")
    assert "chmod 700" in found["state"].advice
    assert "renews" in found["TLS"].advice


def test_silence_and_refused_keys_are_told_apart(product: Stack) -> None:
    """An endpoint where nobody answers; keys that CloudStack does not know."""
    silent = CloudStackSettings(endpoint=f"http://127.0.0.1:{free_port()}/client/api")
    found = findings(msgspec.structs.replace(product.settings, cloudstack=silent), product.app.url)
    assert "configure" in found["reachability"].advice
    found = findings(product.settings, product.app.url, KeyPair("x", "y"))
    assert "refuses" in found["keys"].text


def test_two_zones_in_one_region_are_named(product: Stack) -> None:
    """A mapping that puts two zones into one region is wrong, and doctor says which setting."""
    names = NameSettings(zones={"sandbox-east1-a": "cs-one-a", "sandbox-west1-a": "cs-one-b"})
    found = findings(msgspec.structs.replace(product.settings, names=names), product.app.url, product.pair())
    assert "zone-name" in found["zones"].advice


def test_cloudstack_s_own_authority_is_trusted(product: Stack) -> None:
    """`cloudstack.ca_file` counts for every look at CloudStack; one that cannot be read is named."""
    served = CloudStackSettings(endpoint=f"{product.app.url}/client/api", ca_file=str(product.app.authority))
    found = findings(msgspec.structs.replace(product.settings, cloudstack=served), product.app.url)
    assert found["clock"].text == "agrees with CloudStack's"
    gone = CloudStackSettings(endpoint=served.endpoint, ca_file=str(product.settings.home / "gone.pem"))
    found = findings(msgspec.structs.replace(product.settings, cloudstack=gone), product.app.url)
    assert "gone.pem" in found["reachability"].text


def test_an_own_certificate_is_trusted(product: Stack, tmp_path: Path) -> None:
    """Whoever issued it: the operator chose it. One that is not the server's is a matter of certificates."""
    own = ServerSettings(cert=str(product.settings.home / "tls" / "server.pem"), key="unread")
    found = findings(Settings(home=tmp_path, server=own), product.app.url)
    assert (found["server"].text, found["server"].advice) == (f"answers at {product.app.url}", "")
    found = findings(Settings(home=tmp_path), product.app.url)
    assert "certificate" in found["server"].text
    assert "public_url" in found["server"].advice


@pytest.fixture
def mail() -> Iterator[str]:
    """The host and port of a server that does not speak HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(b"220 mail.example ready\r\n")

        threading.Thread(target=greet, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_what_is_not_http_is_said(tmp_path: Path, mail: str) -> None:
    """Something else at the server's port and at CloudStack's endpoint are findings with advice, not tracebacks."""
    cloud = CloudStackSettings(endpoint=f"http://{mail}/client/api")
    plain = Settings(home=tmp_path, cloudstack=cloud, server=ServerSettings(insecure_http=True))
    found = findings(plain, f"http://{mail}")
    assert "is not gstack" in found["server"].text
    assert "--port" in found["server"].advice
    assert "does not speak HTTP" in found["reachability"].text
    assert "configure" in found["reachability"].advice


def test_another_web_server_is_not_taken_for_gstack(product: Stack, tmp_path: Path) -> None:
    """An answer that is not ours is said to be another server's."""
    plain = Settings(home=tmp_path, server=ServerSettings(insecure_http=True))
    found = findings(plain, product.settings.cloudstack.endpoint.removesuffix("/client/api"))
    assert found["server"].advice


FAULT = b'{"listcapabilitiesresponse": {"errorcode": 530, "errortext": "Internal error executing command"}}'


@pytest.mark.parametrize(("status", "body"), [(530, FAULT), (503, b"<html>"), (500, b"")])
def test_a_fault_of_cloudstack_is_not_called_wrong_keys(tmp_path: Path, status: int, body: bytes) -> None:
    """CloudStack's own errors lead to its log; only 401 means that the keys are wrong."""

    class Faulty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # as http.server names it

    with ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cloud = CloudStackSettings(endpoint=f"http://127.0.0.1:{server.server_port}/client/api")
        found = findings(Settings(home=tmp_path, cloudstack=cloud), "http://127.0.0.1:1", KeyPair("a", "b"))
        server.shutdown()
    assert "keys" not in found
    assert "fault of its own" in found["CloudStack"].text
    assert "management server" in found["CloudStack"].advice
