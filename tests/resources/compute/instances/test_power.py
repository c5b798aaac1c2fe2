"""instances.start, stop and reset by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


@ZONES
def test_stop_and_start(gce: Gce, made: Made, zone: str) -> None:
    """A machine stops and starts; its addresses stay; Google's timestamps say since when, in both states."""
    path, before = f"zones/{zone}/instances/vm-power", made(zone, "vm-power")
    stopped = gce.done(gce.post(f"{path}/stop"))
    assert (stopped["operationType"], stopped["targetLink"]) == ("stop", before["selfLink"])
    vm = gce.get(path)
    assert vm["status"] == "TERMINATED"
    assert vm["lastStartTimestamp"] == before["lastStartTimestamp"] <= vm["lastStopTimestamp"]
    gce.done(gce.post(f"{path}/start"))
    again = gce.get(path)
    assert again["status"] == "RUNNING"
    assert again["networkInterfaces"] == before["networkInterfaces"]
    assert again["fingerprint"] == before["fingerprint"]
    assert again["lastStopTimestamp"] == vm["lastStopTimestamp"] <= again["lastStartTimestamp"]


def test_what_is_so_already_is_done(gce: Gce, made: Made, spent: Callable[..., dict[str, int]]) -> None:
    """Starting what runs and stopping what is stopped are DONE operations for which CloudStack is told nothing."""
    made(VPC, "vm-power")
    path = f"zones/{VPC}/instances/vm-power"
    assert not spent(lambda: gce.done(gce.post(f"{path}/start")), "startVirtualMachine")["startVirtualMachine"]
    gce.done(gce.post(f"{path}/stop", noGracefulShutdown="true"))
    assert not spent(lambda: gce.done(gce.post(f"{path}/stop")), "stopVirtualMachine")["stopVirtualMachine"]
    assert gce.get(path)["status"] == "TERMINATED"


def test_reset(gce: Gce, made: Made, spent: Callable[..., dict[str, int]]) -> None:
    """A running machine is rebooted and runs; a stopped one is refused, and so is one that is not there."""
    made(VPC, "vm-power")
    path = f"zones/{VPC}/instances/vm-power"
    assert spent(lambda: gce.done(gce.post(f"{path}/reset", "ignored")), "rebootVirtualMachine") == {
        "rebootVirtualMachine": 1
    }
    assert gce.get(path)["status"] == "RUNNING"
    gce.done(gce.post(f"{path}/stop"))
    assert "not running" in gce.refused("POST", f"{path}/reset", 400)["message"]
    for verb in ("start", "stop", "reset"):
        gce.refused("POST", f"zones/{VPC}/instances/none/{verb}", 404)


@ZONES
@pytest.mark.parametrize(("verb", "command"), [("stop", "stopVirtualMachine"), ("start", "startVirtualMachine")])
def test_lost_and_failed(gce: Gce, made: Made, fault: Callable[..., None], zone: str, verb: str, command: str) -> None:
    """A lost answer is no second command; a failed job is the operation's error and the machine is as before."""
    made(zone, "vm-power")
    path = f"zones/{zone}/instances/vm-power"
    if verb == "start":
        gce.done(gce.post(f"{path}/stop"))
    before = gce.get(path)["status"]
    fault(command, "job_failed", errortext="No room here")
    failed = gce.finished(gce.post(f"{path}/{verb}"))
    assert "No room here" in failed["error"]["errors"][0]["message"]
    assert gce.get(path)["status"] == before
    fault(command, "lost")
    gce.done(gce.post(f"{path}/{verb}"))
    assert gce.get(path)["status"] != before
