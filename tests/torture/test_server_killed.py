"""kill -9 of `gstack serve` as users run it, in the middle of work: of a worker, and of the server itself."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import requests

from fixtures.gce import Gce
from fixtures.mortal import free_port
from fixtures.postgresql import database_of
from fixtures.processes import Process
from fixtures.servers import Stack
from gstack.config import CloudStackSettings, ServerSettings, Settings
from gstack.operations.crash_switch import VARIABLE
from torture.cloud import Cloud
from torture.inventory import change, inventory
from torture.journey import Journal
from torture.scenarios import BASIC, EAST, disk, instances, plain, there


@pytest.fixture
def server(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Start `gstack serve` on that cloud; again after it was killed."""
    started: list[Process] = []
    port = free_port()
    variables = {
        VARIABLE: str(tmp_path / "crashes"),
        "GSTACK_CLOUDSTACK_ENDPOINT": cloud.url,
        "GSTACK_OPERATIONS_ANSWER_WITHIN": "0.1",
        "GSTACK_OPERATIONS_POLL_INTERVAL": "0.05",
    }

    def starting() -> Process:
        started.append(Process(tmp_path, port, **variables).ready())
        return started[-1]

    yield starting
    started[-1].stop()


def user(cloud: Cloud, process: Process) -> Gce:
    """The account `demo` at a server."""
    settings = Settings(
        home=process.home,
        database=database_of(process.home),
        server=ServerSettings(port=process.port),
        cloudstack=CloudStackSettings(endpoint=cloud.url),
    )
    place = msgspec.defstruct("Place", [("url", str), ("authority", Path)])
    app = place(process.url, process.home / "tls" / "ca.pem")
    return Gce(Stack(cast("Any", app), cast("Any", None), cloud.accounts, settings))


def test_a_killed_worker_is_followed_by_another(cloud: Cloud, server: Callable[[], Process], tmp_path: Path) -> None:
    """When a worker dies in its work the server starts another, which ends it; the server itself goes on.

    Here a worker dies within seconds of its new start, after which Granian by itself would end all of them.
    """
    process = server()
    gce = user(cloud, process)
    journal = Journal(gce.stack.settings)
    (tmp_path / "crashes").write_text("deploy-*:sent\ndisk-1-attach:ended\nend")
    body = plain(BASIC, "worker", disks=[*plain(BASIC)["disks"], disk("worker-data")])
    with suppress(requests.RequestException):
        gce.post(instances(BASIC), body)
    ended(journal)
    assert (tmp_path / "crashes").read_text() == ""
    assert process.process.poll() is None
    assert gce.get(there(BASIC, "worker"))["status"] == "RUNNING"
    gce.done(gce.delete(there(BASIC, "worker")))


def test_a_killed_server_goes_on_when_it_is_started(
    cloud: Cloud, server: Callable[[], Process], tmp_path: Path
) -> None:
    """Kill -9 of the server in the middle of an insert; the next start ends it: one instance, its operation DONE."""
    process = server()
    gce = user(cloud, process)
    journal = Journal(gce.stack.settings)
    before = inventory(gce.stack)
    gce.post(instances(EAST), plain(EAST, "phoenix"))
    while not any(step.job_id for step in journal.steps(journal.last())):
        time.sleep(0.01)
    os.kill(process.process.pid, signal.SIGKILL)
    process.process.wait()
    assert process.gone()
    server()
    ended(journal)
    operation = gce.get(journal.path(journal.last()))
    assert "error" not in operation
    assert [one["name"] for one in gce.items(instances(EAST))] == ["phoenix"]
    gce.done(gce.delete(there(EAST, "phoenix")))
    left = change(before, inventory(gce.stack))
    assert not [line for line in left if line.startswith(("VirtualMachines", "Volumes"))], left


def ended(journal: Journal, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not journal.done(journal.last()):
        assert time.monotonic() < end, journal.steps(journal.last())
        time.sleep(0.05)
