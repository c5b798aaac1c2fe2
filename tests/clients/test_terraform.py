"""Terraform's google provider is on no package index: its requests as they were measured, one after the other.

It gets a token with a key's own token_uri as audience, looks images up by name and then by family, sends relative links
and sizes as numbers, polls operations by `get`, reads back what it made, and plans again: what its schema compares must
come back as it was sent, or it would replace the resource.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.servers import Stack

ZONE = "sandbox-east1-a"
IMAGE_LINK = re.compile(
    r"https://(www\.googleapis\.com|compute\.[.a-z]+)/compute/[^/]+/projects/[^/]+/global/images/(.+)"
)
NETWORK = "projects/demo/global/networks/default"
AGENT = "Terraform/1.11.0 (+https://www.terraform.io) Terraform-Plugin-SDK/2.36.0 terraform-provider-google/6.20.0"
LABELS = {"goog-terraform-provisioned": "true", "env": "test"}


class Terraform:
    """The provider's way to ask."""

    def __init__(self, product: Stack) -> None:
        self.gce = Gce(product)
        self.gce.session.headers["User-Agent"] = AGENT

    def image(self, project: str, name: str) -> str:
        """An image of the configuration as the provider sends it: a family where no image has the name."""
        path = f"/compute/v1/projects/{project}/global/images"
        if self.gce.call("GET", f"{path}/{name}").status_code == 200:
            return f"projects/{project}/global/images/{name}"
        assert self.gce.call("GET", f"{path}/family/{name}").status_code == 200
        return f"projects/{project}/global/images/family/{name}"

    def made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST, poll by `get` until DONE, read back."""
        self.polled(self.gce.post(path, body, alt="json", prettyPrint="false"))
        return self.read(f"{path}/{body['name']}")

    def read(self, path: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.gce.get(path, alt="json", prettyPrint="false")
        return shown

    def polled(self, operation: dict[str, Any]) -> None:
        place = operation["zone"].rpartition("/")[2] if "zone" in operation else None
        scope = f"zones/{place}" if place else "global"
        while operation["status"] != "DONE":
            operation = self.gce.get(f"{scope}/operations/{operation['name']}")
        assert "error" not in operation, operation

    def destroyed(self, path: str) -> None:
        self.polled(self.gce.delete(path))
        self.gce.refused("GET", path, 404)


@pytest.fixture
def terraform(product: Stack) -> Terraform:
    return Terraform(product)


@pytest.fixture
def disk(terraform: Terraform) -> Iterator[dict[str, Any]]:
    """`google_compute_disk` of a family, and its end."""
    yield terraform.made(f"zones/{ZONE}/disks", disk_body(terraform))
    terraform.destroyed(f"zones/{ZONE}/disks/tf-disk")


def disk_body(terraform: Terraform) -> dict[str, Any]:
    return {
        "description": "",
        "labels": LABELS,
        "name": "tf-disk",
        "sizeGb": 12,
        "sourceImage": terraform.image("debian-cloud", "debian-12"),
        "type": f"projects/demo/zones/{ZONE}/diskTypes/pd-balanced",
    }


def test_a_disk_is_not_planned_again(disk: dict[str, Any]) -> None:
    """Image, type, size and labels come back in the forms that the provider compares; image names hold the family."""
    link = IMAGE_LINK.fullmatch(disk["sourceImage"])
    assert link
    assert "debian-12" in link[2]
    assert disk["type"].endswith(f"/zones/{ZONE}/diskTypes/pd-balanced")
    assert (disk["sizeGb"], disk["labels"]) == ("12", LABELS)
    assert disk["zone"].endswith(f"/zones/{ZONE}")


def test_an_instance_of_that_disk(terraform: Terraform, disk: dict[str, Any]) -> None:
    """`boot_disk { source }`: all that the provider compares or reads without asking whether it is there."""
    body = {
        "canIpForward": False,
        "deletionProtection": False,
        "disks": [{"autoDelete": False, "boot": True, "mode": "READ_WRITE", "source": disk["selfLink"]}],
        "labels": LABELS,
        "machineType": f"projects/demo/zones/{ZONE}/machineTypes/e2-small",
        "metadata": {},
        "name": "tf-vm",
        "networkInterfaces": [{"accessConfigs": [{"type": "ONE_TO_ONE_NAT"}], "network": NETWORK}],
        "params": {},
        "scheduling": {"automaticRestart": True},
        "tags": {},
    }  # fmt: skip
    shown = terraform.made(f"zones/{ZONE}/instances", body)
    nic, boot = shown["networkInterfaces"][0], shown["disks"][0]
    assert (shown["status"], shown["labels"]) == ("RUNNING", LABELS)
    assert shown["zone"].endswith(f"/zones/{ZONE}")
    assert shown["machineType"].endswith("/machineTypes/e2-small")
    assert isinstance(shown["metadata"], dict)
    assert (boot["mode"], boot["boot"], boot["autoDelete"]) == ("READ_WRITE", True, False)
    assert terraform.read(f"zones/{ZONE}/disks/{boot['source'].rpartition('/')[2]}")["users"] == [shown["selfLink"]]
    assert re.search(r"/projects/demo/regions/sandbox-east1/subnetworks/[-a-z0-9]+$", nic["subnetwork"])
    assert nic["accessConfigs"][0]["natIP"]
    terraform.destroyed(f"zones/{ZONE}/instances/tf-vm")


def test_an_instance_of_an_image(terraform: Terraform) -> None:
    """`boot_disk { initialize_params }`: the boot disk's own image link is one that the provider takes apart."""
    body = {
        "disks": [{"autoDelete": True, "boot": True, "initializeParams": {
            "diskSizeGb": 15, "diskType": f"projects/demo/zones/{ZONE}/diskTypes/pd-standard",
            "sourceImage": terraform.image("ubuntu-os-cloud", "ubuntu-2404-lts")}, "mode": "READ_WRITE"}],
        "machineType": f"projects/demo/zones/{ZONE}/machineTypes/e2-small",
        "metadata": {"items": [{"key": "startup-script", "value": "echo hello"}]},
        "name": "tf-vm-2",
        "networkInterfaces": [{"network": NETWORK}],
        "scheduling": {"automaticRestart": True, "onHostMaintenance": "MIGRATE", "provisioningModel": "STANDARD"},
        "shieldedInstanceConfig": {"enableIntegrityMonitoring": True, "enableVtpm": True},
        "tags": {"items": ["web"]},
    }  # fmt: skip
    shown = terraform.made(f"zones/{ZONE}/instances", body)
    boot = terraform.read(f"zones/{ZONE}/disks/{shown['disks'][0]['source'].rpartition('/')[2]}")
    assert IMAGE_LINK.fullmatch(boot["sourceImage"])
    assert (boot["sizeGb"], shown["tags"]["items"]) == ("15", ["web"])
    assert {one["key"]: one["value"] for one in shown["metadata"]["items"]} == {"startup-script": "echo hello"}
    assert "accessConfigs" not in shown["networkInterfaces"][0]
    terraform.destroyed(f"zones/{ZONE}/instances/tf-vm-2")


def test_a_firewall(terraform: Terraform) -> None:
    """What the provider compares of a firewall comes back: network, priority, ranges, what is allowed."""
    body: dict[str, Any] = {
        "allowed": [{"IPProtocol": "tcp", "ports": ["80", "8080"]}, {"IPProtocol": "icmp"}],
        "direction": "INGRESS",
        "disabled": False,
        "logConfig": {"enable": False},
        "name": "tf-web",
        "network": NETWORK,
        "priority": 1000,
        "sourceRanges": ["0.0.0.0/0"],
    }
    shown = terraform.made("global/firewalls", body)
    assert shown["network"].endswith("/projects/demo/global/networks/default")
    assert (shown["priority"], shown["sourceRanges"], shown["direction"]) == (1000, ["0.0.0.0/0"], "INGRESS")
    assert [one for one in shown["allowed"] if one not in body["allowed"]] == []
    assert len(shown["allowed"]) == 2
    terraform.destroyed("global/firewalls/tf-web")
