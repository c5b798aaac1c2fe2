"""Links to images, which depend on the client: Terraform takes Google's host alone, others follow them."""

import pytest
import requests

from fixtures.gce import Gce
from gstack.gateway.links import Links

BASE = "https://localhost:5000/compute/v1/"
IMAGE = "projects/debian-cloud/global/images/debian-12-v20260101"


@pytest.mark.parametrize(
    ("agent", "base"),
    [
        ("Terraform/1.11.0 (+https://www.terraform.io) Terraform-Plugin-SDK/2.36.0 terraform-provider-google/6.20.0",
         "https://www.googleapis.com/compute/v1/"),
        ("OpenTofu/1.9 (+https://opentofu.org) Terraform-Plugin-SDK/2.36.0 terraform-provider-google/6.20.0",
         "https://www.googleapis.com/compute/v1/"),
        ("google-cloud-sdk gcloud/528.0.0 command/gcloud.compute.images.list", BASE),
        ("jclouds/2.5.0 java/17", BASE),
        ("", BASE),
    ],
)  # fmt: skip
def test_images_by_client(agent: str, base: str) -> None:
    """Products of Terraform's provider get Google's host, all others this server."""
    links = Links.to_client(BASE, agent)
    assert links.image("debian-cloud", "debian-12-v20260101") == f"{base}{IMAGE}"
    assert links.image_path(IMAGE) == f"{base}{IMAGE}"
    assert links.project("demo", "zones/z") == f"{BASE}projects/demo/zones/z"


def test_an_image_link_leads_to_the_image(gce: Gce) -> None:
    """A client that follows the link of a disk's image with its token arrives at the image; Terraform gets its form."""
    gce.done(gce.post("zones/sandbox-east1-a/disks", {"name": "d-link", "sizeGb": "10", "sourceImage": IMAGE}))
    link = gce.get("zones/sandbox-east1-a/disks/d-link")["sourceImage"]
    headers = {"Authorization": f"Bearer {gce.token}"}
    image = requests.get(link, headers=headers, verify=str(gce.stack.app.authority), timeout=30).json()
    assert image["selfLink"] == link == f"{gce.base}/{IMAGE}"
    gce.session.headers["User-Agent"] = "Terraform/1.11.0 terraform-provider-google/6.20.0"
    disk = gce.get("zones/sandbox-east1-a/disks/d-link")
    assert disk["sourceImage"] == f"https://www.googleapis.com/compute/v1/{IMAGE}"
    assert disk["selfLink"].startswith(gce.base)
    gce.done(gce.delete("zones/sandbox-east1-a/disks/d-link"))
