"""Machines whose deployment nobody heard the end of."""

from collections.abc import Callable

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

ZONES = pytest.mark.parametrize("zone", ["Sandbox-simulator", "sandbox-east1-a"])


@ZONES
def test_the_answer_is_lost(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str) -> None:
    """A machine that is on its way is waited for, and deployed once."""
    fault("deployVirtualMachine", "lost")
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "unheard")))
    assert gce.get(f"zones/{zone}/instances/unheard")["status"] == "RUNNING"
    assert ask("listVirtualMachines", keyword="unheard")["count"] == 1
    gce.done(gce.delete(f"zones/{zone}/instances/unheard"))


@ZONES
def test_what_failed_is_removed(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str) -> None:
    """The machine that a failed deployment leaves, in the state Error, does not stay."""
    fault("deployVirtualMachine", "job_failed", errortext="No host")
    operation = gce.finished(gce.post(f"zones/{zone}/instances", body_of(zone, "failing")))
    assert "No host" in operation["error"]["errors"][0]["message"]
    left = ask("listVirtualMachines").get("virtualmachine", [])
    assert [one["state"] for one in left if one["state"] != "Destroyed"] == []
