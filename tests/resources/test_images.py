"""images: own templates, and Google's public image projects as views on the public ones."""

import pytest

from fixtures.gce import Gce


def of(gce: Gce, project: str) -> Gce:
    """The same caller, asking in another project."""
    there = Gce(gce.stack, "demo", project)
    there.token = gce.token
    return there


def test_public_projects(gce: Gce) -> None:
    """A public template is listed in Google's project of its family, with a name that contains the family."""
    (debian,) = of(gce, "debian-cloud").items("global/images")
    assert (debian["family"], debian["status"], debian["architecture"]) == ("debian-12", "READY", "X86_64")
    assert debian["name"] == "debian-12-v20260101"
    assert debian["diskSizeGb"] == "2"
    assert [image["family"] for image in of(gce, "ubuntu-os-cloud").items("global/images")] == ["ubuntu-2404-lts"]
    assert [image["family"] for image in of(gce, "rocky-linux-cloud").items("global/images")] == ["rocky-linux-9"]
    assert [image["family"] for image in of(gce, "centos-cloud").items("global/images")] == ["centos-5"]


@pytest.mark.parametrize("project", ["cos-cloud", "windows-cloud", "ubuntu-os-accelerator-images"])
def test_public_projects_without_images_are_empty(gce: Gce, project: str) -> None:
    """A public project that nothing here belongs to answers an empty list, as gcloud needs."""
    assert of(gce, project).items("global/images") == []


def test_own_project_has_own_images(gce: Gce) -> None:
    """An account without templates has no images, as long as all public ones have a public project."""
    assert gce.items("global/images") == []


def test_links_are_googles(gce: Gce) -> None:
    """An image's link stands at Google's host, since Terraform takes no other (clients.md R1)."""
    image = of(gce, "debian-cloud").get("global/images/debian-12-v20260101")
    google = "https://www.googleapis.com/compute/v1"
    assert image["selfLink"] == f"{google}/projects/debian-cloud/global/images/debian-12-v20260101"


def test_get_by_every_name(gce: Gce) -> None:
    """An image is got by its GCE name, its id and CloudStack's own name."""
    centos = of(gce, "centos-cloud")
    (image,) = centos.items("global/images")
    assert image["name"] == "centos-5-6-64-bit-no-gui-simulator"
    for name in (image["name"], image["id"], "CentOS 5.6 (64-bit) no GUI (Simulator)"):
        assert centos.get(f"global/images/{name}") == image


def test_get_from_family(gce: Gce) -> None:
    """A family gives its newest image."""
    image = of(gce, "debian-cloud").get("global/images/family/debian-12")
    assert image["name"] == "debian-12-v20260101"


def test_unknown_is_404(gce: Gce) -> None:
    """Unknown images, families and projects are not found, each by its own name."""
    debian = of(gce, "debian-cloud")
    refused = debian.refused("GET", "global/images/nothing", 404)
    assert refused["message"] == "The resource 'projects/debian-cloud/global/images/nothing' was not found"
    refused = debian.refused("GET", "global/images/family/debian-1", 404)
    assert refused["message"] == "The resource 'projects/debian-cloud/global/images/family/debian-1' was not found"
    refused = of(gce, "no-such-cloud").refused("GET", "global/images", 404)
    assert refused["message"] == "The resource 'projects/no-such-cloud' was not found"


def test_images_of_others_projects_are_404(gce: Gce) -> None:
    """Another account's project shows no images, not even that it exists."""
    of(gce, "other").refused("GET", "global/images", 404)
