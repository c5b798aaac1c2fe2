"""images: own templates, and Google's public image projects as views on the public ones."""

from typing import Any

import pytest

from fixtures.gce import Gce
from gstack.cloudstack.client import CloudStack

ANY = dict[str, Any]


def of(gce: Gce, project: str) -> Gce:
    """The same caller, asking in another project."""
    there = Gce(gce.stack, "demo", project)
    there.token = gce.token
    return there


def test_public_projects(gce: Gce) -> None:
    """A public template is listed in Google's project of its family, with a name that contains the family."""
    debian = of(gce, "debian-cloud").items("global/images")[0]
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


def test_a_public_image_links_to_its_project(gce: Gce) -> None:
    """The link of a public image names its project, on this server."""
    image = of(gce, "debian-cloud").get("global/images/debian-12-v20260101")
    assert image["selfLink"] == f"{gce.base}/projects/debian-cloud/global/images/debian-12-v20260101"


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


async def registered(gce: Gce, name: str, ostype: str, *, account: str = "demo", **more: Any) -> str:
    """Register a template at CloudStack, in the first zone; its uuid."""
    async with CloudStack(gce.stack.settings.cloudstack.endpoint) as connection:
        client = connection.client(gce.stack.pair(account))
        (kind,) = [each for each in await client.list_all("listOsTypes", ANY) if each["description"] == ostype]
        zone = (await client.list_all("listZones", ANY))[0]
        facts = {"name": name, "displaytext": name, "format": "VHD", "hypervisor": "Simulator", "zoneid": zone["id"]}
        url = f"http://images.example.org/{name}.vhd"
        made = await client.send("registerTemplate", {**facts, "ostypeid": kind["id"], "url": url, **more})
        return str(made["template"][0]["id"])


async def test_own_templates(gce: Gce) -> None:
    """An own template is an image of the own project at once, and of the family that its tag says."""
    uuid = await registered(gce, "lab-v1", "Debian GNU/Linux 12 (64-bit)")
    async with CloudStack(gce.stack.settings.cloudstack.endpoint) as connection:
        client = connection.client(gce.stack.pair())
        tags = [{"key": "family", "value": "lab"}, {"key": "team", "value": "red"}]
        job = await client.send("createTags", {"resourceids": uuid, "resourcetype": "Template", "tags": tags})
        await client.finish("createTags", job["jobid"])
    image = gce.get("global/images/family/lab")
    assert (image["name"], image["labels"]) == ("lab-v1", {"team": "red"})
    assert gce.get("global/images/lab-v1") == image
    of(gce, "debian-cloud").refused("GET", "global/images/lab-v1", 404)


async def test_a_public_template_without_a_public_project(gce: Gce) -> None:
    """A public template of an OS that Google has no image project for is reached in the caller's own project."""
    await registered(gce, "linux-of-other", "Amazon Linux 2 (64 bit)", account="other", ispublic=True)
    image = gce.get("global/images/amazon-linux-2-linux-of-other")
    assert image["family"] == "amazon-linux-2"
    await registered(gce, "private-of-other", "Amazon Linux 2 (64 bit)", account="other")
    gce.refused("GET", "global/images/amazon-linux-2-private-of-other", 404)


async def test_nobody_takes_over_a_family(gce: Gce) -> None:
    """What another user publishes is listed in the public project, and never stands for a featured family."""
    await registered(gce, "debian-12-v20991231", "Debian GNU/Linux 12 (64-bit)", account="other", ispublic=True)
    debian = of(gce, "debian-cloud")
    assert debian.get("global/images/debian-12-v20991231")["family"] == "debian-12"
    assert debian.get("global/images/family/debian-12")["name"] == "debian-12-v20260101"


@pytest.mark.parametrize("zone", ["-", "sandbox-east1-a", "Sandbox-simulator"])
def test_family_view(gce: Gce, zone: str) -> None:
    """The default image of gcloud is found in any zone and in each."""
    view = gce.get(f"/compute/v1/projects/debian-cloud/zones/{zone}/imageFamilyViews/debian-12")
    assert view["image"]["name"] == "debian-12-v20260101"


def test_unknown_family_view(gce: Gce) -> None:
    """An unknown family or zone is not found."""
    gce.refused("GET", "/compute/v1/projects/debian-cloud/zones/-/imageFamilyViews/debian-1", 404)
    gce.refused("GET", "/compute/v1/projects/debian-cloud/zones/nowhere/imageFamilyViews/debian-12", 404)


@pytest.mark.parametrize("project", ["gce-nvme", "google-containers", "cloud-hpc-image-public", "almalinux-cloud"])
def test_public_projects_without_images(gce: Gce, project: str) -> None:
    """A public project that other clients ask answers with nothing, and knows no family; any other name is 404."""
    assert of(gce, project).items("global/images") == []
    of(gce, project).refused("GET", "global/images/family/none", 404)
    of(gce, f"{project}-x").refused("GET", "global/images", 404)
