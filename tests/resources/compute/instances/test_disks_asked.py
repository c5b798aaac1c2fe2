"""The disks of a new instance: made, found or refused."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

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
        ({"initializeParams": {"sourceSnapshot": "s", "sourceImage": "i"}}, 400, "exclude"),
        ({"initializeParams": {"sourceImage": f"{_FAMILIES}/none"}}, 404, "none"),
        ({"initializeParams": {"sourceImage": f"{_FAMILIES}/debian-12", "diskSizeGb": "1"}}, 400, "image size (2 GB)"),
        ({"initializeParams": {"sourceImage": f"{_FAMILIES}/debian-12", "diskType": "none"}}, 400, "none"),
        ({"source": "zones/sandbox-east1-a/disks/none"}, 404, "none"),
        ({"source": "zones/sandbox-west1-a/disks/none"}, 400, "source"),
        ({"source": "d", "initializeParams": {"diskSizeGb": "5"}}, 400, "exclude"),
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
