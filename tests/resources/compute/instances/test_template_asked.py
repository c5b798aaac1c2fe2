"""instances.insert?sourceInstanceTemplate by the front door, and the rule of what is beneath what."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from gstack.resources.compute.instances.template_asked import beneath

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
PROPERTIES = {
    "machineType": "n1-standard-1",
    "description": "made of a template",
    "labels": {"env": "prod"},
    "tags": {"items": ["web"]},
    "metadata": {"items": [{"key": "color", "value": "red"}]},
    "disks": [
        {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": IMAGE, "diskType": "pd-ssd"}},
        {"autoDelete": True, "deviceName": "data", "initializeParams": {"diskSizeGb": "3"}},
    ],
    "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
}


@pytest.fixture(scope="module")
def template(product: Any) -> Iterator[str]:
    """The path of a template."""
    gce = Gce(product)
    gce.done(gce.post("global/instanceTemplates", {"name": "t", "properties": PROPERTIES}))
    yield "global/instanceTemplates/t"
    gce.done(gce.delete("global/instanceTemplates/t"))


@pytest.fixture
def insert(gce: Gce) -> Iterator[Callable[..., dict[str, Any]]]:
    """Make an instance of the template with these fields over it: `insert(zone, name, **fields)`."""
    made = []

    def inserting(zone: str, name: str, source: str, **fields: Any) -> dict[str, Any]:
        body = {"name": name, **fields}
        gce.done(gce.post(f"zones/{zone}/instances", body, sourceInstanceTemplate=source))
        made.append(f"zones/{zone}/instances/{name}")
        shown: dict[str, Any] = gce.get(made[-1])
        return shown

    yield inserting
    for path in made:
        gce.done(gce.delete(path))


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_as_the_template_says(gce: Gce, insert: Callable[..., dict[str, Any]], template: str, zone: str) -> None:
    """Without overrides the instance is what the template says, in whichever zone."""
    vm = insert(zone, "vm-plain", f"https://www.googleapis.com/compute/v1/projects/demo/{template}")
    assert vm["machineType"].endswith(f"zones/{zone}/machineTypes/n1-standard-1")
    assert (vm["description"], vm["labels"]) == ("made of a template", {"env": "prod"})
    assert (vm["tags"]["items"], vm["metadata"]["items"]) == (["web"], PROPERTIES["metadata"]["items"])  # type: ignore[index]
    assert [disk["deviceName"] for disk in vm["disks"]] == ["persistent-disk-0", "data"]
    assert gce.get(f"zones/{zone}/disks/vm-plain")["type"].endswith("/pd-ssd")
    assert vm["networkInterfaces"][0]["accessConfigs"][0]["natIP"]


def test_overrides(insert: Callable[..., dict[str, Any]], template: str) -> None:
    """A field of the body replaces the template's as a whole; others stay as the template says."""
    fields = {"machineType": f"zones/{VPC}/machineTypes/e2-small", "labels": {"own": "x"}, "networkInterfaces": [{}]}
    vm = insert(VPC, "vm-other", template, **fields)
    assert vm["machineType"].endswith("/e2-small")
    assert (vm["labels"], vm["tags"]["items"]) == ({"own": "x"}, ["web"])
    assert "accessConfigs" not in vm["networkInterfaces"][0]


@pytest.mark.parametrize(("source", "status"), [("global/instanceTemplates/none", 404), ("global/images/i", 400)])
def test_refused(gce: Gce, source: str, status: int) -> None:
    """A template that is not there, or is none, is refused."""
    gce.refused("POST", f"zones/{VPC}/instances", status, {"name": "vm-no"}, sourceInstanceTemplate=source)


def test_beneath() -> None:
    """What a body leaves empty counts as not sent."""
    properties = {"labels": {"a": "b"}, "machineType": "m", "disks": [1]}
    assert beneath(properties, {"labels": {}, "machineType": "n", "disks": None}) == {
        "labels": {"a": "b"},
        "machineType": "n",
        "disks": [1],
    }
