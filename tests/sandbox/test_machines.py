"""Machines as rows."""

from __future__ import annotations

from typing import Any

from gstack.sandbox.machines import expunge_old
from gstack.sandbox.server import ThreadedSandbox


def test_old_machines_are_expunged(demo: Any, seeds: Any, server: ThreadedSandbox) -> None:
    """A machine destroyed more than a day ago is gone with its root volume, and its name is free again."""
    machine = seeds.machine(demo, "ancient")
    demo.ok("destroyVirtualMachine", id=machine["id"])
    world = server.sandbox.world
    world.update("virtualmachine", machine["id"], lastupdated="2001-01-01T00:00:00+0000")
    expunge_old(world)
    assert world.find("volume", virtualmachineid=machine["id"]) == []
    assert seeds.machine(demo, "ancient")["state"] == "Running"


def test_details_choose_what_is_shown(demo: Any, seeds: Any) -> None:
    """`details=min` leaves NICs out, `details=nics` shows them."""
    machine = seeds.machine(demo, "detailed")
    least = demo.ok("listVirtualMachines", id=machine["id"], details="min")["virtualmachine"][0]
    more = demo.ok("listVirtualMachines", id=machine["id"], details="nics")["virtualmachine"][0]
    assert (least["nic"], "templateid" in least, len(more["nic"])) == ([], False, 1)
