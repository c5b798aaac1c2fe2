"""A machine on its way is waited for when a command's answer was lost."""

from collections.abc import Callable

import pytest
import requests

from fixtures.gce import Gce
from fixtures.instances import body_of
from fixtures.servers import Stack

BASIC = "Sandbox-simulator"


@pytest.mark.parametrize(("verb", "command"), [("stop", "stopVirtualMachine"), ("start", "startVirtualMachine")])
def test_slow_and_lost(start: Callable[..., Stack], verb: str, command: str) -> None:
    """The command arrived, its answer did not, and its job takes longer than the first looks: it is not sent again."""
    stack = start(job_delay=4.0)
    gce = Gce(stack)
    gce.done(gce.post(f"zones/{BASIC}/instances", body_of(BASIC, "vm-way")))
    path = f"zones/{BASIC}/instances/vm-way"
    if verb == "start":
        gce.done(gce.post(f"{path}/stop"))
    _lose(stack, command)
    gce.done(gce.post(f"{path}/{verb}"))
    assert gce.get(path)["status"] == {"start": "RUNNING", "stop": "TERMINATED"}[verb]


def _lose(stack: Stack, command: str) -> None:
    url = stack.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
    requests.post(url, json={"command": command, "kind": "lost", "count": 1}, timeout=10).raise_for_status()
