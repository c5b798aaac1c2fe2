"""The disks of a new instance: new, found or refused, and what a machine boots from."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]
_FAMILIES = "projects/debian-cloud/global/images/family"


@ZONES
def test_disks(gce: Gce, made: Made, zone: str) -> None:
    """A boot disk has its own name and size; further disks are made, labelled and attached in order."""
    disks = body_of(zone, "x")["disks"]
    disks[0]["initializeParams"] |= {"diskName": "boot-one", "diskSizeGb": "30", "diskType": "pd-ssd"}
    data = {"diskName": "data-one", "diskSizeGb": "7", "labels": {"use": "db"}, "description": "rows"}
    disks += [{"deviceName": "db", "autoDelete": True, "initializeParams": data}]
    vm = made(zone, "vm-disks", disks=disks)
    assert [disk["source"].rpartition("/")[2] for disk in vm["disks"]] == ["boot-one", "data-one"]
    assert [disk["diskSizeGb"] for disk in vm["disks"]] == ["30", "7"]
    assert [disk["autoDelete"] for disk in vm["disks"]] == [True, True]
    assert vm["disks"][1]["deviceName"] == "db"
    shown = gce.get(f"zones/{zone}/disks/data-one")
    assert (shown["labels"], shown["description"], shown["users"]) == ({"use": "db"}, "rows", [vm["selfLink"]])
    assert gce.get(f"zones/{zone}/disks/boot-one")["type"].endswith("/diskTypes/pd-ssd")


def test_small_boot_disk(gce: Gce) -> None:
    """A boot disk smaller than its image is refused in Google's words."""
    disks = body_of(VPC, "x")["disks"]
    disks[0]["initializeParams"]["diskSizeGb"] = "1"
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-small", disks=disks))
    assert "Requested disk size cannot be smaller than the image size" in refused["message"]


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({"initializeParams": {"diskSizeGb": "5"}, "boot": True}, 400, "boot"),
        ({"initializeParams": {"diskSizeGb": "5", "diskType": "zones/z/diskTypes/none"}}, 400, "none"),
        ({"initializeParams": {"diskSizeGb": "5", "diskName": "Bad"}}, 400, "diskName"),
        ({"initializeParams": {"diskSizeGb": "5", "diskName": "vm-no"}}, 400, "name 'vm-no'"),
        ({"initializeParams": {"diskSizeGb": "5"}, "deviceName": "persistent-disk-0"}, 400, "deviceName"),
        ({"initializeParams": {"diskSizeGb": "5"}, "deviceName": "a b"}, 400, "deviceName"),
        ({"initializeParams": {"diskSizeGb": "5"}, "mode": "READ_ONLY"}, 400, "mode"),
        ({"initializeParams": {"diskSizeGb": "5"}, "type": "SCRATCH"}, 400, "type"),
        ({"initializeParams": {"diskSizeGb": "5", "labels": {"A": "b"}}}, 400, "labels"),
        ({"initializeParams": {"diskSizeGb": "5", "sourceSnapshot": "global/snapshots/s"}}, 404, "snapshots/s"),
        ({"initializeParams": {"sourceSnapshot": "s", "sourceImage": "i"}}, 400, "not both"),
        ({"initializeParams": {"sourceImage": f"{_FAMILIES}/none"}}, 404, "none"),
        ({"initializeParams": {"sourceImage": f"{_FAMILIES}/debian-12", "diskSizeGb": "1"}}, 400, "image size (2 GB)"),
        ({"initializeParams": {"sourceImage": f"{_FAMILIES}/debian-12", "diskType": "none"}}, 400, "none"),
        ({"source": "zones/sandbox-east1-a/disks/none"}, 404, "none"),
        ({"source": "zones/sandbox-west1-a/disks/none"}, 400, "source"),
        ({"source": "d", "initializeParams": {"diskSizeGb": "5"}}, 400, "not both"),
    ],
)
def test_refused(gce: Gce, changed: dict[str, Any], status: int, word: str) -> None:
    """A second disk that cannot be is refused before anything is sent, and the field or resource is named."""
    disks = [*body_of(VPC, "x")["disks"], changed]
    refused = gce.refused("POST", f"zones/{VPC}/instances", status, body_of(VPC, "vm-no", disks=disks))
    assert word in refused["message"]


def test_boot_disk_of_an_offering(made: Made, gce: Gce) -> None:
    """A boot disk's type may be a disk offering; one whose size cannot be is refused."""
    disks = body_of(VPC, "x")["disks"]
    disks[0]["initializeParams"] |= {"diskType": "medium", "diskSizeGb": "7"}
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-no", disks=disks))
    assert "diskSizeGb" in refused["message"]
    disks[0]["initializeParams"].pop("diskSizeGb")
    made(VPC, "vm-medium", disks=disks)
    assert gce.get(f"zones/{VPC}/disks/vm-medium")["type"].endswith("/diskTypes/medium")


def test_disk_that_exists(gce: Gce, made: Made) -> None:
    """A disk that stayed behind is attached to the next machine, and is in use from then on."""
    data = {"diskName": "travels", "diskSizeGb": "5"}
    disks = [*body_of(VPC, "x")["disks"], {"initializeParams": data}]
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-from", disks=disks)))
    disk = gce.get(f"zones/{VPC}/disks/travels")
    taken = body_of(VPC, "vm-to", disks=[body_of(VPC, "x")["disks"][0], {"source": disk["selfLink"]}])
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, taken)
    assert refused["reason"] == "resourceInUseByAnotherResource"
    gce.done(gce.delete(f"zones/{VPC}/instances/vm-from"))
    vm = made(VPC, "vm-to", disks=[body_of(VPC, "x")["disks"][0], {"source": disk["selfLink"], "autoDelete": True}])
    assert vm["disks"][1]["source"] == disk["selfLink"]
    assert gce.get(f"zones/{VPC}/disks/travels")["id"] == disk["id"]


def test_size_where_none_is_sent(gce: Gce, made: Made) -> None:
    """A blank disk without a size has the one that its type shows as the default."""
    made(VPC, "vm-unsized", disks=[*body_of(VPC, "x")["disks"], {"initializeParams": {}, "autoDelete": True}])
    shown = gce.get(f"zones/{VPC}/disks/vm-unsized-1")
    assert shown["sizeGb"] == gce.get(f"zones/{VPC}/diskTypes/pd-standard")["defaultDiskSizeGb"]


def test_data_disk_of_a_snapshot(gce: Gce, made: Made, disk: str) -> None:
    """A further disk may be made of a snapshot, in its size or a larger one, and shows that."""
    gce.done(gce.post(f"zones/{VPC}/disks/{disk}/createSnapshot", {"name": "of-data"}))
    asked = {"diskName": "restored", "diskSizeGb": "8", "sourceSnapshot": "global/snapshots/of-data"}
    made(VPC, "vm-restores", disks=[*body_of(VPC, "x")["disks"], {"initializeParams": asked, "autoDelete": True}])
    shown = gce.get(f"zones/{VPC}/disks/restored")
    assert (shown["sizeGb"], shown["sourceSnapshot"].rpartition("/")[2]) == ("8", "of-data")
    disks = [*body_of(VPC, "x")["disks"], {"initializeParams": {**asked, "diskSizeGb": "4", "diskName": "small"}}]
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-small", disks=disks))
    assert "smaller than the snapshot size (5 GB)" in refused["message"]
    gce.done(gce.delete("global/snapshots/of-data"))


@ZONES
def test_data_disk_of_an_image(gce: Gce, made: Made, zone: str) -> None:
    """A further disk may be made of an image, bigger than that, and shows it; its machine is the only one there is."""
    asked = {"diskName": "of-rocky", "diskSizeGb": "11", "sourceImage": "rocky-linux-cloud/rocky-linux-9"}
    data = {"initializeParams": asked | {"labels": {"use": "rescue"}}, "autoDelete": True, "deviceName": "rescue"}
    vm = made(zone, "vm-rescues", disks=[*body_of(zone, "x")["disks"], data])
    shown = gce.get(f"zones/{zone}/disks/of-rocky")
    assert (shown["sizeGb"], shown["labels"], shown["users"]) == ("11", {"use": "rescue"}, [vm["selfLink"]])
    assert "rocky-linux-9" in shown["sourceImage"]
    assert (vm["disks"][1]["deviceName"], vm["disks"][1]["autoDelete"]) == ("rescue", True)
    assert [one["name"] for one in gce.items(f"zones/{zone}/instances")] == ["vm-rescues"]


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
