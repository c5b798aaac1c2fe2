"""Everything that Google shows with a creation time has one here, also what CloudStack knows no time of."""

import pytest

from fixtures.gce import Gce

ZONE, EAST = "Sandbox-simulator", "sandbox-east1-a"
LISTS = [
    "zones",
    "regions",
    "global/networks",
    "global/firewalls",
    "regions/sandbox-east1/subnetworks",
    f"zones/{ZONE}/machineTypes",
    f"zones/{EAST}/machineTypes",
    f"zones/{ZONE}/diskTypes",
]
SINGLE = [
    "",
    "global/networks/default",
    "global/firewalls/default-allow-ssh",
    f"zones/{ZONE}",
    f"zones/{EAST}/machineTypes/custom-2-4096",
    f"zones/{EAST}/machineTypes/n1-standard-1",
    f"zones/{EAST}/diskTypes/pd-standard",
    "regions/sandbox-east1/subnetworks/default",
]


@pytest.mark.parametrize("path", LISTS)
def test_lists(gce: Gce, path: str) -> None:
    """Every item of a list shows when it was created."""
    items = gce.items(path)
    assert items
    assert [one["name"] for one in items if not one.get("creationTimestamp")] == []


@pytest.mark.parametrize("path", SINGLE)
def test_single_resources(gce: Gce, path: str) -> None:
    """A resource shows when it was created."""
    assert gce.get(path)["creationTimestamp"]


@pytest.mark.parametrize("project", ["debian-cloud", "ubuntu-os-cloud"])
def test_public_images(gce: Gce, project: str) -> None:
    """Images of Google's public projects show when they were created."""
    items = gce.get(f"/compute/v1/projects/{project}/global/images").get("items", [])
    assert items
    assert [one["name"] for one in items if not one.get("creationTimestamp")] == []
