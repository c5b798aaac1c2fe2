"""gcutil 1.15 of 2014 is on no package index: its requests as they were measured, one after the other.

It speaks v1 and v1beta16, fetches the discovery document before every command, sends numbers where Google has strings
and no fingerprint, and follows selfLink and targetLink as they are.
"""

from typing import Any

import pytest
import requests

from fixtures.gce import Gce
from fixtures.servers import Stack

ZONE = "sandbox-east1-a"


class Gcutil:
    """gcutil's way to ask."""

    def __init__(self, product: Stack, version: str) -> None:
        self.gce = Gce(product)
        self.version = version
        self.document = self.gce.session.get(
            f"{product.app.url}/discovery/v1/apis/compute/{version}/rest",
            headers={"Authorization": f"Bearer {self.gce.token}"},
            timeout=30,
        ).json()
        self.base = f"{self.document['rootUrl']}{self.document['servicePath']}"

    def ask(self, verb: str, path: str, body: Any = None, **params: Any) -> requests.Response:
        url = path if path.startswith("https://") else f"{self.base}{path}"
        headers = {"Authorization": f"Bearer {self.gce.token}", "User-Agent": "google-compute-cmdline/1.15.0"}
        return self.gce.session.request(verb, url, json=body, params=params, headers=headers, timeout=60)

    def finish(self, answer: requests.Response) -> dict[str, Any]:
        """Poll selfLink until DONE, as gcutil does."""
        operation: dict[str, Any] = answer.json()
        assert operation["kind"] == "compute#operation", operation
        while operation["status"] != "DONE":
            operation = self.ask("GET", operation["selfLink"]).json()
        assert "error" not in operation
        return operation


@pytest.fixture(params=["v1", "v1beta16"])
def gcutil(product: Stack, request: pytest.FixtureRequest) -> Gcutil:
    return Gcutil(product, request.param)


def test_discovery_names_its_version_and_leads_here(gcutil: Gcutil, product: Stack) -> None:
    """The document says the version that was asked for and this server's URL."""
    assert gcutil.document["version"] == gcutil.version
    assert gcutil.base == f"{product.app.url}/compute/{gcutil.version}/"


def test_listzones_getproject_listmachinetypes(gcutil: Gcutil) -> None:
    """The three reads that begin every session; links carry the version that was asked for."""
    zones = gcutil.ask("GET", "projects/demo/zones", maxResults=500).json()["items"]
    assert all(zone["selfLink"].startswith(gcutil.base) for zone in zones)
    assert gcutil.ask("GET", "projects/demo").json()["name"] == "demo"
    assert f"zones/{ZONE}" in gcutil.ask("GET", "projects/demo/aggregated/machineTypes").json()["items"]


def test_addfirewall_with_a_number_as_protocol(gcutil: Gcutil) -> None:
    """IPProtocol "6" is tcp."""
    name = f"gcutil-{gcutil.version}"
    body = {"name": name, "network": f"{gcutil.base}projects/demo/global/networks/default",
            "allowed": [{"IPProtocol": "6", "ports": ["80"]}], "sourceRanges": ["0.0.0.0/0"]}  # fmt: skip
    gcutil.finish(gcutil.ask("POST", "projects/demo/global/firewalls", body))
    rule = gcutil.ask("GET", f"projects/demo/global/firewalls/{name}").json()
    assert rule["allowed"] == [{"IPProtocol": "6", "ports": ["80"]}] or rule["allowed"][0]["IPProtocol"] == "tcp"
    gcutil.finish(gcutil.ask("DELETE", f"projects/demo/global/firewalls/{name}"))


def test_addinstance_getinstance_deleteinstance(gcutil: Gcutil) -> None:
    """The whole of addinstance: keys into the project without a fingerprint, insert, poll, read the target."""
    name = f"gcutil-{gcutil.version}"
    project = gcutil.ask("GET", "projects/demo").json()
    items = [*project["commonInstanceMetadata"].get("items", []), {"key": "sshKeys", "value": "me:ssh-rsa AAAA me"}]
    items = list({item["key"]: item for item in items}.values())
    gcutil.finish(gcutil.ask("POST", "projects/demo/setCommonInstanceMetadata", {"items": items}))
    gcutil.finish(gcutil.ask("POST", f"projects/demo/zones/{ZONE}/instances", instance(gcutil, name)))
    found = gcutil.ask("GET", "projects/demo/aggregated/instances", filter=f"name eq {name}", maxResults=2).json()
    assert [one["name"] for one in found["items"][f"zones/{ZONE}"]["instances"]] == [name]
    deleted = gcutil.ask("DELETE", f"projects/demo/zones/{ZONE}/instances/{name}")
    operation = gcutil.finish(deleted)
    assert gcutil.ask("GET", operation["targetLink"]).status_code == 404


def instance(gcutil: Gcutil, name: str) -> dict[str, Any]:
    project = f"{gcutil.base}projects/demo"
    image = "https://www.googleapis.com/compute/v1/projects/debian-cloud/global/images/family/debian-12"
    return {
        "kind": "compute#instance",
        "name": name,
        "zone": f"{project}/zones/{ZONE}",
        "machineType": f"{project}/zones/{ZONE}/machineTypes/n1-standard-1",
        "canIpForward": False,
        "metadata": {"kind": "compute#metadata", "items": []},
        "tags": {"items": []},
        "serviceAccounts": [],
        "disks": [
            {"type": "PERSISTENT", "mode": "READ_WRITE", "boot": True, "autoDelete": True, "deviceName": name,
             "initializeParams": {"sourceImage": image, "diskName": name}}
        ],
        "networkInterfaces": [
            {"network": f"{project}/global/networks/default",
             "accessConfigs": [{"name": "External NAT", "type": "ONE_TO_ONE_NAT"}]}
        ],
    }  # fmt: skip


def test_deleteinstance_with_its_boot_disk(gcutil: Gcutil) -> None:
    """`--delete_boot_pd` sets autoDelete by the device's name before the machine goes."""
    name = f"boot-{gcutil.version}"
    gcutil.finish(gcutil.ask("POST", f"projects/demo/zones/{ZONE}/instances", instance(gcutil, name)))
    path = f"projects/demo/zones/{ZONE}/instances/{name}"
    gcutil.finish(gcutil.ask("POST", f"{path}/setDiskAutoDelete", deviceName=name, autoDelete="true"))
    gcutil.finish(gcutil.ask("DELETE", path))
    assert gcutil.ask("GET", f"projects/demo/zones/{ZONE}/disks/{name}").status_code == 404
