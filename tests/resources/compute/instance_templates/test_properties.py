"""InstanceProperties: checked, kept and shown. Pure."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.gateway.links import Links
from gstack.resources.compute.instance_templates.properties import checked, images_of, to_gce

BOOT: dict[str, Any] = {"boot": True, "initializeParams": {"sourceImage": "global/images/family/lab"}}
PLAIN: dict[str, Any] = {"machineType": "n1-standard-1", "disks": [BOOT]}
IMAGE = "https://compute.googleapis.com/compute/v1/projects/debian-cloud/zones/-/imageFamilyViews/debian-12"


def shown(sent: dict[str, Any]) -> dict[str, Any]:
    return to_gce(checked(sent, "demo"), Links("https://here/"), lambda path, project: f"https://here/{project}/{path}")


def test_no_absolute_url_is_kept() -> None:
    """References are kept as paths, and shown with the URLs of the request; images too."""
    nic = {"network": "https://old.example.org/compute/v1/projects/demo/global/networks/n", "accessConfigs": [{}]}
    disk = {"boot": True, "initializeParams": {"sourceImage": IMAGE, "diskType": "pd-ssd"}}
    sent = {"machineType": "e2-small", "disks": [disk], "networkInterfaces": [nic]}
    assert "http" not in str(checked(sent, "demo"))
    assert images_of(checked(sent, "demo")) == ["projects/debian-cloud/global/images/family/debian-12"]
    told = shown(sent)
    image = "https://here/projects/debian-cloud/global/images/family/debian-12"
    assert told["disks"][0]["initializeParams"] == {"sourceImage": image, "diskType": "pd-ssd"}
    assert told["networkInterfaces"][0]["network"] == "https://here/demo/global/networks/n"
    assert told["networkInterfaces"][0]["accessConfigs"][0]["name"] == "external-nat"


def test_what_google_fills_in() -> None:
    """Fingerprints, names of devices and interfaces, and scheduling are filled in; what was sent stays."""
    told = shown(PLAIN | {"scheduling": {"automaticRestart": False}, "networkInterfaces": [{}]})
    assert told["metadata"]["fingerprint"]
    assert told["tags"]["fingerprint"]
    assert told["scheduling"]["automaticRestart"] is False
    assert told["scheduling"]["onHostMaintenance"] == "MIGRATE"
    disk = told["disks"][0]
    assert (disk["deviceName"], disk["type"], disk["mode"], disk["index"]) == (
        "persistent-disk-0", "PERSISTENT", "READ_WRITE", 0,
    )  # fmt: skip
    assert told["networkInterfaces"][0]["name"] == "nic0"


def test_an_image_by_project_and_name() -> None:
    """`debian-cloud/debian-12` may be an image or a family: it is kept as it is."""
    disk = {"boot": True, "initializeParams": {"sourceImage": "debian-cloud/debian-12"}}
    assert images_of(checked(PLAIN | {"disks": [disk]}, "demo")) == ["debian-cloud/debian-12"]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"machineType": ""}, "machineType"),
        ({"machineType": "zones/z/machineTypes/n1-standard-1"}, "machineType"),
        ({"disks": []}, "boot disk"),
        ({"disks": [{"initializeParams": {}}]}, r"disks\[0\].boot"),
        ({"disks": [BOOT, BOOT]}, r"disks\[1\].boot"),
        ({"disks": [{"boot": True}]}, "sourceImage"),
        ({"disks": [BOOT | {"source": "d"}]}, "not both"),
        ({"disks": [BOOT, {"source": "global/images/d"}]}, r"disks\[1\].source"),
        ({"disks": [BOOT, {"source": "global/disks/d"}]}, r"disks\[1\].source"),
        ({"networkInterfaces": [{"network": "zones/z/networks/n"}]}, "network"),
        ({"networkInterfaces": [{"subnetwork": "global/subnetworks/s"}]}, "subnetwork"),
        ({"disks": [BOOT | {"deviceName": "no/slash"}]}, "deviceName"),
        ({"disks": [BOOT | {"deviceName": "a"}, {"deviceName": "a"}]}, "deviceName 'a'"),
        ({"disks": [BOOT | {"type": "SCRATCH"}]}, "type"),
        ({"disks": [BOOT | {"diskSizeGb": "0"}]}, "diskSizeGb"),
        ({"disks": [BOOT, {"initializeParams": {"diskType": "zones/z/diskTypes/pd-ssd"}}]}, "diskType"),
        ({"disks": [BOOT, {"initializeParams": {"diskName": "Bad"}}]}, "diskName"),
        ({"disks": [BOOT, {"initializeParams": {"labels": {"UPPER": ""}}}]}, "labels"),
        ({"networkInterfaces": [{"network": "regions/r/subnetworks/s"}]}, "network"),
        ({"networkInterfaces": [{"networkIP": "300.1.1.1"}]}, "networkIP"),
        ({"networkInterfaces": [{"accessConfigs": [{}, {}]}]}, "accessConfigs"),
        ({"networkInterfaces": [{"ipv6Address": "::1"}]}, "ipv6Address"),
        ({"tags": {"items": ["Not A Tag"]}}, "tags"),
        ({"tags": {"items": [f"t{number}" for number in range(65)]}}, "64"),
        ({"labels": {"UPPER": "x"}}, "labels"),
        ({"metadata": {"items": [{"key": "a b", "value": ""}]}}, "metadata"),
        ({"guestAccelerators": [{"acceleratorCount": 1}]}, "guestAccelerators"),
        ({"scheduling": {"maxRunDuration": {"seconds": "60"}}}, "maxRunDuration"),
        ({"resourceManagerTags": {"a": "b"}}, "resourceManagerTags"),
    ],
)
def test_refused(changed: dict[str, Any], word: str) -> None:
    """What no instance could have is refused, and the field named."""
    with pytest.raises(Problem, match=word):
        checked(PLAIN | changed, "demo")
