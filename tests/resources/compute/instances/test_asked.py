"""What of a new instance is refused before anything is sent."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


def disk_type(text: str) -> dict[str, Any]:
    image = "projects/debian-cloud/global/images/family/debian-12"
    return {"disks": [{"boot": True, "initializeParams": {"sourceImage": image, "diskType": text}}]}


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({"name": "Bad_Name"}, 400, "name"),
        ({"machineType": "zones/z/machineTypes/none"}, 400, "machineType"),
        ({"machineType": ""}, 400, "machineType"),
        ({"disks": []}, 400, "disks"),
        ({"disks": [{"boot": False}]}, 400, "boot"),
        ({"disks": [{"boot": True, "source": f"zones/{VPC}/disks/none"}]}, 404, "disks/none"),
        ({"disks": [{"boot": True, "source": "zones/z/disks/d"}]}, 400, "must be in zone"),
        ({"disks": [{"boot": True, "initializeParams": {"sourceSnapshot": "none"}}]}, 404, "snapshots/none"),
        ({"disks": [{"boot": True}]}, 400, "sourceImage"),
        ({"disks": [{"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}]}, 404, "none"),
        ({"networkInterfaces": [{"network": "global/networks/none"}]}, 400, "none"),
        ({"machineType": f"zones/{VPC}/diskTypes/n1-standard-1"}, 400, "is not a machine type"),
        ({"machineType": "global/machineTypes/n1-standard-1"}, 400, "is not a machine type"),
        ({"networkInterfaces": [{"network": "global/images/default"}]}, 400, "networkInterfaces[0].network"),
        ({"networkInterfaces": [{"network": "x/y/default"}]}, 400, "networkInterfaces[0].network"),
        ({"networkInterfaces": [{"network": f"zones/{VPC}/networks/default"}]}, 400, "networkInterfaces[0].network"),
        ({"networkInterfaces": [{"subnetwork": "global/subnetworks/default"}]}, 400, "subnetwork"),
        ({"disks": [{"boot": True, "source": "global/disks/none"}]}, 400, "resource.disks[0].source"),
        ({"disks": [{"boot": True, "source": f"zones/{VPC}/images/none"}]}, 400, "resource.disks[0].source"),
        ({"machineType": f"zones/{VPC}/n1-standard-1"}, 400, "is not a machine type"),
        ({"networkInterfaces": [{"subnetwork": "regions/sandbox-east1/addresses/default"}]}, 400, "subnetwork"),
        (disk_type(f"zones/{VPC}/machineTypes/pd-ssd"), 400, "is not a disk type"),
        (disk_type(f"zones/{BASIC}/diskTypes/pd-ssd"), 400, "must be one of zone"),
        (disk_type(f"projects/other/zones/{VPC}/diskTypes/pd-ssd"), 400, "Cross-project"),
        ({"networkInterfaces": []}, 400, "At least one network interface"),
        ({"tags": {"items": ["Not A Tag"]}}, 400, "tags"),
        ({"description": "x" * 2049}, 400, "at most 2048"),
        ({"machineType": f"projects/other/zones/{VPC}/machineTypes/e2-small"}, 400, "Cross-project"),
        ({"serviceAccounts": [{"email": "a@b.c"}, {"email": "d@e.f"}]}, 400, "at most one service account"),
        ({"disks": [{"boot": True, "interface": "NVME"}]}, 400, "resource.disks[0].interface"),
        ({"labels": {"UPPER": "x"}}, 400, "labels"),
        ({"metadata": {"items": [{"key": "user-data", "value": "x" * 25_000}]}}, 400, "24576"),
        ({"canIpForward": True}, 400, "canIpForward"),
        ({"hostname": "a.example.com"}, 400, "hostname"),
        ({"guestAccelerators": [{"acceleratorCount": 1}]}, 400, "guestAccelerators"),
        ({"scheduling": {"maxRunDuration": {"seconds": "60"}}}, 400, "maxRunDuration"),
    ],
)
def test_refused(gce: Gce, changed: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field or resource is named."""
    refused = gce.refused("POST", f"zones/{VPC}/instances", status, body_of(VPC, "vm-no") | changed)
    assert word in refused["message"]
    gce.refused("GET", f"zones/{VPC}/instances/vm-no", 404)


def test_machine_image(gce: Gce) -> None:
    """Machine images are not there, and are named."""
    path, body = f"zones/{VPC}/instances", body_of(VPC, "vm-no")
    assert "machine images" in gce.refused("POST", path, 400, body, sourceMachineImage="m")["message"]


def test_fixed_address(made: Made, gce: Gce) -> None:
    """A fixed internal address is the machine's; a second machine with it is refused, and so is one of elsewhere."""
    first = made(VPC, "vm-first", networkInterfaces=[{}])
    network, _, last = first["networkInterfaces"][0]["networkIP"].rpartition(".")
    wanted = f"{network}.{int(last) % 100 + 100}"
    vm = made(VPC, "vm-fixed", networkInterfaces=[{"networkIP": wanted}])
    assert vm["networkInterfaces"][0]["networkIP"] == wanted
    for address, word in ((wanted, "already being used"), ("192.0.2.7", "outside")):
        body = body_of(VPC, "vm-no", networkInterfaces=[{"networkIP": address}])
        assert word in gce.refused("POST", f"zones/{VPC}/instances", 400, body)["message"]
