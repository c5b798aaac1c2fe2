"""How a disk is named in a URL and in a body."""

import pytest

from fixtures.gce import Gce

VPC = "sandbox-east1-a"


@pytest.mark.parametrize(
    "form",
    [
        "https://www.googleapis.com/compute/v1/projects/demo/zones/{zone}/disks/{name}",
        "projects/demo/zones/{zone}/disks/{name}",
        "zones/{zone}/disks/{name}",
        "disks/{name}",
        "{name}",
        "zones/{zone}/disks/{id}",
    ],
)
def test_forms(gce: Gce, form: str) -> None:
    """A body may name a disk in every form that clients use."""
    gce.call("POST", f"zones/{VPC}/disks", {"name": "first", "sizeGb": "1"})
    first = gce.get(f"zones/{VPC}/disks/first")
    body = {"name": "second", "sourceDisk": form.format(zone=VPC, name="first", id=first["id"])}
    gce.done(gce.post(f"zones/{VPC}/disks", body))
    assert gce.get(f"zones/{VPC}/disks/second")["sourceDisk"] == first["selfLink"]
    gce.done(gce.delete(f"zones/{VPC}/disks/second"))


def test_zone_of_the_url(gce: Gce) -> None:
    """A zone that is none is a 404."""
    assert "zones/none" in gce.refused("DELETE", "zones/none/disks/first", 404)["message"]
