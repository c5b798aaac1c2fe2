"""`gstack doctor`, as a user types it."""

import subprocess
from pathlib import Path

import pytest

from conftest import free_port
from fixtures.processes import Process
from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, gstack, run
from gstack import tls


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
