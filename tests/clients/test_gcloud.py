"""gcloud, unmodified, with the settings that `gstack client gcloud` prints."""

import json
import shutil
from typing import Any

import pytest

from fixtures.servers import Stack
from fixtures.shells import evaluated, run

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not on this machine's PATH")
ZONES = ("sandbox-east1-a", "Sandbox-simulator")


@pytest.fixture(scope="module")
def gcloud(product: Stack) -> Any:
    """Run `gcloud compute …` and read its JSON."""
    known = evaluated(product, "gcloud")

    def command(*arguments: str) -> Any:
        output = run(["gcloud", "compute", *arguments, "--quiet", "--format=json"], known)
        return json.loads(output) if output.strip() else None

    return command


def test_zones_and_regions(gcloud: Any) -> None:
    """Zones keep CloudStack's names; each is in a region of its own."""
    assert {zone["name"] for zone in gcloud("zones", "list")} >= {*ZONES, "sandbox-west1-a"}
    assert "sandbox-east1" in {region["name"] for region in gcloud("regions", "list")}


def test_images_of_public_projects(gcloud: Any) -> None:
    """`images list` asks many public projects in one batch; templates show under them."""
    families = {image.get("family") for image in gcloud("images", "list")}
    assert "debian-12" in families


@pytest.mark.parametrize("zone", ZONES)
def test_the_life_of_a_machine(gcloud: Any, zone: str) -> None:
    """Create with no flags but the zone, list, describe, delete: in both kinds of zone."""
    name = f"vm-{zone.lower()}"
    created = gcloud("instances", "create", name, f"--zone={zone}")
    assert created[0]["status"] == "RUNNING"
    assert name in {machine["name"] for machine in gcloud("instances", "list")}
    described = gcloud("instances", "describe", name, f"--zone={zone}")
    assert described["networkInterfaces"][0]["accessConfigs"][0]["natIP"]
    assert described["disks"][0]["boot"] is True
    gcloud("instances", "delete", name, f"--zone={zone}")
    assert name not in {machine["name"] for machine in gcloud("instances", "list")}


def test_two_machines_at_once_with_everything_set(gcloud: Any) -> None:
    """Several machines in one command (a batch), custom types, labels, tags, metadata, disk size and type."""
    zone = "--zone=sandbox-east1-a"
    created = gcloud(
        "instances", "create", "twin1", "twin2", zone, "--custom-cpu=2", "--custom-memory=4",
        "--image-family=debian-12", "--image-project=debian-cloud", "--labels=env=test,tier=web", "--tags=web",
        "--metadata=startup-script=echo hello", "--boot-disk-size=20GB", "--boot-disk-type=pd-ssd",
        "--description=two of a kind",
    )  # fmt: skip
    assert {machine["name"] for machine in created} == {"twin1", "twin2"}
    machine = gcloud("instances", "describe", "twin1", zone)
    assert machine["labels"] == {"env": "test", "tier": "web"}
    assert machine["tags"]["items"] == ["web"]
    assert machine["description"] == "two of a kind"
    assert {"key": "startup-script", "value": "echo hello"} in machine["metadata"]["items"]
    assert "custom-2-4096" in machine["machineType"]
    assert machine["disks"][0]["diskSizeGb"] == "20"
    gcloud("instances", "delete", "twin1", "twin2", zone)


def test_firewall_rules(gcloud: Any) -> None:
    """Create, list, describe, update, delete a rule of the default network."""
    gcloud("firewall-rules", "create", "allow-web", "--allow=tcp:80,tcp:443")
    rule = gcloud("firewall-rules", "describe", "allow-web")
    assert rule["sourceRanges"] == ["0.0.0.0/0"]
    assert rule["allowed"] == [{"IPProtocol": "tcp", "ports": ["80"]}, {"IPProtocol": "tcp", "ports": ["443"]}]
    assert "allow-web" in {found["name"] for found in gcloud("firewall-rules", "list")}
    gcloud("firewall-rules", "update", "allow-web", "--allow=tcp:8080", "--source-ranges=192.0.2.0/24")
    rule = gcloud("firewall-rules", "describe", "allow-web")
    assert (rule["allowed"], rule["sourceRanges"]) == ([{"IPProtocol": "tcp", "ports": ["8080"]}], ["192.0.2.0/24"])
    gcloud("firewall-rules", "delete", "allow-web")
    assert "allow-web" not in {found["name"] for found in gcloud("firewall-rules", "list")}


@pytest.mark.parametrize("noun", ["disks", "machine-types", "disk-types", "networks", "operations", "firewall-rules"])
def test_lists(gcloud: Any, noun: str) -> None:
    """Every list command of what is served gives a list."""
    if noun == "networks":
        assert "default" in {network["name"] for network in gcloud(noun, "list")}
    else:
        assert isinstance(gcloud(noun, "list"), list)


def test_subnetworks_and_project(gcloud: Any) -> None:
    """Subnetworks are listed by region; the project's metadata is written and read."""
    assert isinstance(gcloud("networks", "subnets", "list"), list)
    gcloud("project-info", "add-metadata", "--metadata=team=blue")
    items = gcloud("project-info", "describe")["commonInstanceMetadata"]["items"]
    assert {"key": "team", "value": "blue"} in items


def test_beta_commands(gcloud: Any, product: Stack) -> None:
    """`gcloud beta` speaks to the same API under its own version."""
    output = run(["gcloud", "beta", "compute", "zones", "list", "--format=json"], evaluated(product, "gcloud"))
    assert len(json.loads(output)) == 3
