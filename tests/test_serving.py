"""The server as a process: the ready line, a clean stop, a killed one, everything still there."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import cs
import pytest
import requests

from conftest import free_port
from fixtures.processes import Process
from fixtures.shells import PROGRAM, run

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
    assert (server.home / "sandbox.json").stat().st_mode & 0o777 == 0o600


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


def test_workers_share_everything(serve: Serve) -> None:
    """A token that one worker gave is good at the others."""
    server = serve("--workers", "2")
    access = token(server)
    answers = {server.get("/compute/v1/projects/demo/zones", access).status_code for _ in range(12)}
    assert answers == {200}


def test_a_port_in_use_is_said_plainly(serve: Serve) -> None:
    """The second server on a port says what to do instead of a traceback."""
    first = serve()
    second = Process(first.home.with_name("second"), first.port)
    assert second.ended() == 1
    assert "Cannot listen" in second.output
    assert "Traceback" not in second.output


def test_the_sandbox_is_a_cloudstack_for_any_client(serve: Serve) -> None:
    """`gstack client cloudstack` prints what CloudStack's own clients read."""
    server = serve()
    exports = run([PROGRAM, "client", "cloudstack"], server.environment)
    values = dict(line.removeprefix("export ").split("=", 1) for line in exports.splitlines())
    client = cs.CloudStack(
        endpoint=values["CLOUDSTACK_ENDPOINT"].strip("'"), key=values["CLOUDSTACK_KEY"].strip("'"),
        secret=values["CLOUDSTACK_SECRET"].strip("'"),
    )  # fmt: skip
    assert {zone["name"] for zone in client.listZones()["zone"]} >= {"Sandbox-simulator", "sandbox-east1-a"}


def test_a_second_on_one_home_is_refused_and_harms_nothing(serve: Serve) -> None:
    """Two sandboxes on one state would tear it apart: the second says so in a line, the first goes on."""
    first = serve()
    second = Process(first.home, free_port())
    assert second.ended() == 1
    assert "Another gstack may run" in second.output
    assert "Traceback" not in second.output
    assert first.get("/compute/v1/projects/demo/zones", token(first)).status_code == 200
    assert "CLOUDSTACK_ENDPOINT" in run([PROGRAM, "client", "cloudstack"], first.environment)
