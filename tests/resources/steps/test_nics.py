"""Interfaces in recorded steps: what is lost is not done twice, what fails is put back."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

VPC = "sandbox-east1-a"
COMMANDS = ("addNicToVirtualMachine", "updateDefaultNicForVirtualMachine", "removeNicFromVirtualMachine")


@pytest.mark.parametrize("command", COMMANDS)
def test_lost_answers(gce: Gce, fault: Callable[..., None], command: str) -> None:
    """A machine that moves to the spare network is deleted, whichever answer is lost on the way."""
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-moves")))
    fault(command, "lost")
    operation = gce.done(gce.delete(f"zones/{VPC}/instances/vm-moves"))
    assert "warnings" not in operation


def test_interfaces_return(gce: Gce, made: Callable[..., dict[str, Any]], fault: Callable[..., None]) -> None:
    """A machine that could not be deleted is in its network again, at its address."""
    before = made(VPC, "vm-moves")["networkInterfaces"][0]
    path = f"zones/{VPC}/instances/vm-moves"
    fault("destroyVirtualMachine", "job_failed")
    assert "error" in gce.finished(gce.delete(path))
    (after,) = gce.get(path)["networkInterfaces"]
    assert (after["name"], after["network"], after["networkIP"]) == ("nic0", before["network"], before["networkIP"])
