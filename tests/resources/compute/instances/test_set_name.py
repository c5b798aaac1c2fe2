"""instances.setName by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_renamed(gce: Gce, ask: Ask, zone: str) -> None:
    """A stopped machine gets another name, in CloudStack too; id and disks stay; its old name is free at once."""
    path = f"zones/{zone}/instances"
    gce.done(gce.post(path, body_of(zone, "vm-old")))
    before = gce.get(f"{path}/vm-old")
    body = {"name": "vm-new", "currentName": "vm-old"}
    assert "must be stopped" in gce.refused("POST", f"{path}/vm-old/setName", 400, body)["message"]
    gce.done(gce.post(f"{path}/vm-old/stop"))
    gce.done(gce.post(f"{path}/vm-old/setName", body))
    after = gce.get(f"{path}/vm-new")
    assert (after["id"], after["disks"]) == (before["id"], before["disks"])
    gce.refused("GET", f"{path}/vm-old", 404)
    machine = ask("listVirtualMachines", keyword="vm-new")["virtualmachine"][0]
    assert (machine["displayname"], machine["name"][:6]) == ("vm-new", "vm-new")
    boot = {**body_of(zone, "x")["disks"][0]}
    boot["initializeParams"] = {**boot["initializeParams"], "diskName": "vm-old-2"}
    gce.done(gce.post(path, body_of(zone, "vm-old", disks=[boot])))
    taken = {"name": "vm-old", "currentName": "vm-new"}
    assert gce.refused("POST", f"{path}/vm-new/setName", 409, taken)["reason"] == "alreadyExists"
    for name in ("vm-new", "vm-old"):
        gce.done(gce.delete(f"{path}/{name}"))
        gce.refused("GET", f"{path}/{name}", 404)


def test_refused(gce: Gce, made: Made) -> None:
    """A wrong current name, none, and what is no name are 400s."""
    made(VPC, "vm-name")
    path = f"zones/{VPC}/instances/vm-name/setName"
    assert "vm-name" in gce.refused("POST", path, 400, {"name": "a", "currentName": "b"})["message"]
    gce.refused("POST", path, 400, {"name": "a"})
    gce.refused("POST", path, 400, {"name": "No_Name", "currentName": "vm-name"})


def test_a_host_name_that_is_taken(gce: Gce, ask: Ask, made: Made) -> None:
    """Where CloudStack has the host name for something that is no instance, a marked one is used."""
    made(VPC, "vm-name")
    machine = ask("listVirtualMachines", keyword="vm-name")["virtualmachine"][0]
    gce.done(gce.post(f"zones/{VPC}/instances/vm-name/stop"))
    made(VPC, "vm-other")
    other = ask("listVirtualMachines", keyword="vm-other")["virtualmachine"][0]["id"]
    ask("updateVirtualMachine", id=other, name="wanted")
    gce.done(gce.post(f"zones/{VPC}/instances/vm-name/setName", {"name": "wanted", "currentName": "vm-name"}))
    found = ask("listVirtualMachines", id=machine["id"])["virtualmachine"][0]
    assert (found["displayname"], found["name"][:7], len(found["name"])) == ("wanted", "wanted-", 11)
    gce.done(gce.delete(f"zones/{VPC}/instances/wanted"))
