"""Instances that boot from a disk that is there, or from a snapshot, in both kinds of zones."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


def boot_disk(gce: Gce, zone: str, name: str) -> dict[str, Any]:
    """A boot disk that its machine left behind, called as that machine was."""
    disks = body_of(zone, name)["disks"]
    disks[0] |= {"autoDelete": False}
    disks[0]["initializeParams"] |= {"labels": {"kept": "yes"}}
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, name, disks=disks)))
    gce.done(gce.delete(f"zones/{zone}/instances/{name}"))
    shown: dict[str, Any] = gce.get(f"zones/{zone}/disks/{name}")
    return shown


def booting(source: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"boot": True, "source": source, "autoDelete": True, "mode": "READ_WRITE", **fields}]


def volumes_of(ask: Ask, name: str) -> list[dict[str, Any]]:
    machine = ask("listVirtualMachines", keyword=name)["virtualmachine"][0]
    found: list[dict[str, Any]] = ask("listVolumes", virtualmachineid=machine["id"])["volume"]
    return found


def idle(ask: Ask) -> set[str]:
    """The volumes that no machine has."""
    return {one["id"] for one in ask("listVolumes")["volume"] if "virtualmachineid" not in one}


@ZONES
def test_from_a_disk(gce: Gce, made: Made, ask: Ask, zone: str) -> None:
    """The machine runs from that very disk, which keeps its name, id, labels and image; no other disk is left."""
    disk = boot_disk(gce, zone, "left")
    before = idle(ask)
    vm = made(zone, "vm-from-disk", disks=booting(disk["selfLink"], deviceName="root"))
    (shown,) = vm["disks"]
    assert (vm["status"], shown["source"], shown["boot"]) == ("RUNNING", disk["selfLink"], True)
    assert (shown["deviceName"], shown["autoDelete"]) == ("root", True)
    assert vm["networkInterfaces"][0]["accessConfigs"][0]["natIP"]
    after = gce.get(f"zones/{zone}/disks/left")
    assert {name: after[name] for name in ("id", "labels", "sourceImage", "sizeGb")} == {
        name: disk[name] for name in ("id", "labels", "sourceImage", "sizeGb")
    }
    assert after["users"] == [vm["selfLink"]]
    assert [volume["type"] for volume in volumes_of(ask, "vm-from-disk")] == ["ROOT"]
    assert len(idle(ask)) == len(before) - 1
    gce.done(gce.delete(f"zones/{zone}/instances/vm-from-disk"))
    gce.refused("GET", f"zones/{zone}/disks/left", 404)


@ZONES
def test_from_a_snapshot(gce: Gce, made: Made, ask: Ask, zone: str) -> None:
    """The boot disk is made of the snapshot, under its own name, in the size and type that was asked for."""
    made(zone, "vm-origin")
    source = {"name": "of-boot", "sourceDisk": f"zones/{zone}/disks/vm-origin"}
    gce.done(gce.post("global/snapshots", source))
    asked = {"sourceSnapshot": "global/snapshots/of-boot", "diskName": "clone", "diskSizeGb": "40",
             "diskType": f"zones/{zone}/diskTypes/pd-ssd", "labels": {"a": "b"}}  # fmt: skip
    vm = made(zone, "vm-clone", disks=[{"boot": True, "autoDelete": True, "initializeParams": asked}])
    assert (vm["status"], vm["disks"][0]["diskSizeGb"]) == ("RUNNING", "40")
    disk = gce.get(f"zones/{zone}/disks/clone")
    assert disk["sourceSnapshot"] == gce.get("global/snapshots/of-boot")["selfLink"]
    assert (disk["labels"], "sourceImage" in disk) == ({"a": "b"}, False)
    assert disk["type"].endswith("/pd-ssd")
    assert [volume["type"] for volume in volumes_of(ask, "vm-clone")] == ["ROOT"]
    gce.done(gce.delete("global/snapshots/of-boot"))
    gce.done(gce.delete(f"zones/{zone}/instances/vm-clone"))
    gce.refused("GET", f"zones/{zone}/disks/clone", 404)


def test_snapshot_of_a_disk_that_is_gone(gce: Gce, made: Made) -> None:
    """Where the snapshot's disk is gone, an image of the same operating system stands behind the machine."""
    boot_disk(gce, VPC, "vanishes")
    gce.done(gce.post("global/snapshots", {"name": "survives", "sourceDisk": f"zones/{VPC}/disks/vanishes"}))
    gce.done(gce.delete(f"zones/{VPC}/disks/vanishes"))
    asked = {"sourceSnapshot": "global/snapshots/survives"}
    vm = made(VPC, "vm-revived", disks=[{"boot": True, "autoDelete": True, "initializeParams": asked}])
    assert vm["status"] == "RUNNING"
    gce.done(gce.delete("global/snapshots/survives"))


def test_disks_without_a_system(gce: Gce, disk: str) -> None:
    """A disk or a snapshot that was not made of an image cannot be booted from."""
    gce.done(gce.post("global/snapshots", {"name": "of-data", "sourceDisk": f"zones/{VPC}/disks/{disk}"}))
    of_snapshot = {"boot": True, "initializeParams": {"sourceSnapshot": "of-data"}}
    for boot in (booting(f"zones/{VPC}/disks/{disk}")[0], of_snapshot):
        refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-no", disks=[boot]))
        assert "no operating system" in refused["message"]
    gce.done(gce.delete("global/snapshots/of-data"))


def test_disk_in_use(gce: Gce, made: Made) -> None:
    """A boot disk that a machine has is not another one's."""
    made(VPC, "vm-has")
    body = body_of(VPC, "vm-wants", disks=booting(f"zones/{VPC}/disks/vm-has"))
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body)
    assert refused["reason"] == "resourceInUseByAnotherResource"


@ZONES
@pytest.mark.parametrize(
    "command", ["deployVirtualMachine", "detachVolume", "attachVolume", "startVirtualMachine", "createTags"]
)
def test_failure_lets_the_disk_go(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str, command: str) -> None:
    """When a step fails nothing is left but the disk, free and under its name, and it still boots a machine."""
    disk = gce.call("GET", f"zones/{zone}/disks/patient").json()
    disk = boot_disk(gce, zone, "patient") if "error" in disk else disk
    before = idle(ask)
    body = body_of(zone, "vm-fails", disks=booting(disk["selfLink"]), labels={"a": "b"})
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(f"zones/{zone}/instances", body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    gce.refused("GET", f"zones/{zone}/instances/vm-fails", 404)
    after = gce.get(f"zones/{zone}/disks/patient")
    assert (after["id"], after["labels"], "users" in after) == (disk["id"], disk["labels"], False)
    assert idle(ask) == before


@ZONES
@pytest.mark.parametrize(
    "command", ["deployVirtualMachine", "detachVolume", "deleteVolume", "attachVolume", "startVirtualMachine"]
)
def test_lost_answers(gce: Gce, made: Made, ask: Ask, fault: Callable[..., None], zone: str, command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice."""
    name = f"lost-{command.lower()}"
    disk = boot_disk(gce, zone, name)
    before = idle(ask)
    fault(command, "lost")
    vm = made(zone, f"vm-{name}", disks=booting(disk["selfLink"]))
    assert (vm["status"], vm["disks"][0]["source"]) == ("RUNNING", disk["selfLink"])
    assert len(idle(ask)) == len(before) - 1


@pytest.mark.parametrize("command", ["createVolume", "deployVirtualMachine", "attachVolume", "startVirtualMachine"])
def test_failure_leaves_no_disk_of_the_snapshot(
    gce: Gce, made: Made, ask: Ask, fault: Callable[..., None], command: str
) -> None:
    """A boot disk that was made of a snapshot goes with the machine that could not be made."""
    made(VPC, "vm-origin")
    gce.done(gce.post("global/snapshots", {"name": "of-boot", "sourceDisk": f"zones/{VPC}/disks/vm-origin"}))
    body = body_of(VPC, "vm-fails", disks=[{"boot": True, "initializeParams": {"sourceSnapshot": "of-boot"}}])
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(f"zones/{VPC}/instances", body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    gce.refused("GET", f"zones/{VPC}/instances/vm-fails", 404)
    gce.refused("GET", f"zones/{VPC}/disks/vm-fails", 404)
    assert "volume" not in ask("listVolumes", name="vm-fails")
    gce.done(gce.delete("global/snapshots/of-boot"))
