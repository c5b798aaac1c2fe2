"""The recipe behind delete: undone when it fails, shorter where the account may expunge."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of
from fixtures.servers import Stack

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


@ZONES
def test_failure_puts_everything_back(gce: Gce, fault: Callable[..., None], zone: str) -> None:
    """When CloudStack will not destroy the machine it is there as before, under its name, and can be deleted later."""
    path = f"zones/{zone}/instances/vm-back"
    disks = body_of(zone, "x")["disks"]
    disks[0]["autoDelete"] = False
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-back", disks=disks)))
    before = gce.get(path)
    fault("destroyVirtualMachine", "job_failed", errortext="Not today")
    operation = gce.finished(gce.delete(path))
    assert "Not today" in operation["error"]["errors"][0]["message"]
    after = gce.get(path)
    assert after["status"] == "RUNNING"
    assert after["disks"] == before["disks"]
    assert after["networkInterfaces"][0]["networkIP"] == before["networkInterfaces"][0]["networkIP"]
    gce.done(gce.delete(path))
    gce.refused("GET", path, 404)


@ZONES
@pytest.mark.parametrize("command", ["stopVirtualMachine", "destroyVirtualMachine", "updateVirtualMachine"])
def test_lost_answers(gce: Gce, fault: Callable[..., None], zone: str, command: str) -> None:
    """When CloudStack's answer is lost after the command was done, the delete goes on."""
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-silent")))
    fault(command, "lost")
    gce.done(gce.delete(f"zones/{zone}/instances/vm-silent"))
    gce.refused("GET", f"zones/{zone}/instances/vm-silent", 404)


def test_where_the_account_may_expunge(start: Callable[..., Stack]) -> None:
    """Where the account may expunge nothing of a machine is left, and disks that stay still do."""
    gce = Gce(start(expunge_allowed=True))
    for zone in (BASIC, VPC):
        disks = body_of(zone, "x")["disks"]
        disks[0]["autoDelete"] = False
        gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-exp", disks=disks)))
        gce.done(gce.delete(f"zones/{zone}/instances/vm-exp"))
        gce.refused("GET", f"zones/{zone}/instances/vm-exp", 404)
        assert "users" not in gce.get(f"zones/{zone}/disks/vm-exp")
