"""disks.get, list and aggregatedList by the front door, and pure translation."""

from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of
from gstack.resources.inventory.volumes import FoundDisk, Volume
from gstack.resources.inventory.zones import Location
from gstack.resources.storage.disks.reads import to_gce

VPC, BASIC = "sandbox-east1-a", "Sandbox-simulator"


@pytest.fixture(scope="module")
def vm(product: Any) -> Iterator[dict[str, Any]]:
    """A machine with a boot disk and a data disk."""
    gce = Gce(product)
    data = {"diskName": "disk-data", "diskSizeGb": "5", "diskType": "pd-ssd", "labels": {"use": "db"}}
    disks = [*body_of(VPC, "x")["disks"], {"autoDelete": True, "initializeParams": data}]
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "disk-vm", disks=disks)))
    shown: dict[str, Any] = gce.get(f"zones/{VPC}/instances/disk-vm")
    yield shown
    gce.done(gce.delete(f"zones/{VPC}/instances/disk-vm"))


def test_boot_disk(gce: Gce, vm: dict[str, Any]) -> None:
    """A boot disk has its machine's name, a size as text, a type, its concrete image and its user."""
    disk = gce.get(f"zones/{VPC}/disks/disk-vm")
    assert disk["selfLink"] == vm["disks"][0]["source"]
    assert disk["sizeGb"] == vm["disks"][0]["diskSizeGb"]
    assert disk["type"].endswith(f"zones/{VPC}/diskTypes/pd-standard")
    assert disk["sourceImage"].rpartition("/")[2].startswith("debian-12-")
    assert (disk["status"], disk["users"]) == ("READY", [vm["selfLink"]])
    assert disk["physicalBlockSizeBytes"] == "4096"


def test_data_disk(gce: Gce, vm: dict[str, Any]) -> None:
    """A data disk is blank, has its own type and labels, and knows since when it is attached."""
    disk = gce.get(f"zones/{VPC}/disks/disk-data")
    assert "sourceImage" not in disk
    assert (disk["sizeGb"], disk["labels"], disk["users"]) == ("5", {"use": "db"}, [vm["selfLink"]])
    assert disk["type"].endswith("/diskTypes/pd-ssd")
    assert disk["lastAttachTimestamp"]


def test_lists(gce: Gce, vm: dict[str, Any]) -> None:
    """Disks are listed by zone and all together, and found by a filter on the name; each as `get` shows it."""
    boot, data = (gce.get(f"zones/{VPC}/disks/{name}") for name in ("disk-vm", "disk-data"))
    assert gce.items(f"zones/{VPC}/disks") == [data, boot]
    assert gce.items(f"zones/{VPC}/disks", filter="name eq disk-vm") == [boot]
    assert gce.items(f"zones/{VPC}/disks", maxResults=1) == gce.items(f"zones/{VPC}/disks", maxResults=1)
    assert len(gce.items(f"zones/{VPC}/disks", maxResults=1)) == 2
    assert gce.get("aggregated/disks")["items"][f"zones/{VPC}"]["disks"] == [data, boot]
    assert gce.items(f"zones/{BASIC}/disks") == []


def test_by_id_and_unknown(gce: Gce, other: Gce, vm: dict[str, Any]) -> None:
    """A disk is got by its id too; what is not there, or somebody else's, is a 404 in Google's words."""
    disk = gce.get(f"zones/{VPC}/disks/disk-data")
    assert gce.get(f"zones/{VPC}/disks/{disk['id']}") == disk
    refused = gce.refused("GET", f"zones/{VPC}/disks/none", 404)
    assert refused["message"] == f"The resource 'projects/demo/zones/{VPC}/disks/none' was not found"
    other.refused("GET", f"zones/{VPC}/disks/{disk['id']}", 404)
    other.refused("GET", f"zones/{VPC}/disks/disk-data", 404)


def test_permissions(gce: Gce, other: Gce, vm: dict[str, Any]) -> None:
    """The owner may do what is asked for; whoever cannot see the disk learns that it is not there."""
    body = {"permissions": ["compute.disks.delete", "compute.disks.get"]}
    assert gce.post(f"zones/{VPC}/disks/disk-data/testIamPermissions", body) == body
    other.refused("POST", f"zones/{VPC}/disks/disk-data/testIamPermissions", 404, body)


@pytest.mark.parametrize(
    ("state", "status"), [("Allocated", "READY"), ("Creating", "CREATING"), ("UploadError", "FAILED")]
)
def test_status(state: str, status: str) -> None:
    """Every state of CloudStack's is a status of Google's."""
    volume = Volume(id="v1", name="d", zoneid="z", type="DATADISK", state=state, size=1)
    location = Location("z", "z", "a-b-c", "a-b-c", "a-b")
    shown = to_gce(FoundDisk(volume, "d", {}), location, "pd-standard", "", lambda path: path)
    assert (shown["status"], shown["sizeGb"]) == (status, "1")
