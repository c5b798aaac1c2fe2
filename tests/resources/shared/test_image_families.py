"""Families and public image projects of templates."""

import tomllib
from importlib.resources import files

import pytest

from gstack.resources.shared.image_families import PUBLIC_PROJECTS, family_of, public_project_of

GCLOUD = (
    "centos cos debian fedora-coreos opensuse oracle-linux rhel rhel-sap rocky-linux rocky-linux-accelerator suse "
    "suse-sap ubuntu-os ubuntu-os-pro windows windows-sql"
)


@pytest.mark.parametrize(
    ("os_type", "family", "project"),
    [
        ("Debian GNU/Linux 12 (64-bit)", "debian-12", "debian-cloud"),
        ("Debian GNU/Linux 7(32-bit)", "debian-7", "debian-cloud"),
        ("Ubuntu 24.04 LTS", "ubuntu-2404-lts", "ubuntu-os-cloud"),
        ("Ubuntu 18.04 (64-bit)", "ubuntu-1804-lts", "ubuntu-os-cloud"),
        ("Ubuntu 23.10", "ubuntu-2310", "ubuntu-os-cloud"),
        ("Ubuntu 21.04", "ubuntu-2104", "ubuntu-os-cloud"),
        ("CentOS 5.6 (64-bit)", "centos-5", "centos-cloud"),
        ("CentOS Stream 9", "centos-stream-9", "centos-cloud"),
        ("Rocky Linux 9", "rocky-linux-9", "rocky-linux-cloud"),
        ("AlmaLinux 8.3", "almalinux-8", "almalinux-cloud"),
        ("Red Hat Enterprise Linux 8.0", "rhel-8", "rhel-cloud"),
        ("Oracle Enterprise Linux 6.0 (64-bit)", "oracle-linux-6", "oracle-linux-cloud"),
        ("Oracle Linux 9", "oracle-linux-9", "oracle-linux-cloud"),
        ("openSUSE Leap 15", "opensuse-leap", "opensuse-cloud"),
        ("SUSE Linux Enterprise Server 15 (64-bit)", "sles-15", "suse-cloud"),
        ("Fedora Linux (64 bit)", "fedora-linux", ""),
        ("Windows Server 2022 (64-bit)", "windows-2022", "windows-cloud"),
        ("Windows Server 2012 R2 (64-bit)", "windows-2012-r2", "windows-cloud"),
        ("FreeBSD 11 (64-bit)", "freebsd-11", "freebsd-org-cloud-dev"),
        ("Amazon Linux 2 (64 bit)", "amazon-linux-2", ""),
        ("Other Linux (64-bit)", "", ""),
        ("None", "", ""),
        ("", "", ""),
    ],
)
def test_family_and_project_of_an_os_type(os_type: str, family: str, project: str) -> None:
    """CloudStack's OS types become Google's families, and these name Google's projects."""
    assert family_of(os_type) == family
    assert public_project_of(family) == project


def test_gclouds_projects_answer() -> None:
    """Every public project that gcloud lists images of is known."""
    assert {f"{name}-cloud" for name in GCLOUD.split()} | {"ubuntu-os-accelerator-images"} <= PUBLIC_PROJECTS


def test_the_projects_of_other_clients_answer() -> None:
    """Every project whose images Packer, jclouds, libcloud or Terraform's tests look for is known."""
    others = (
        "almalinux-cloud centos-stream-cloud cloud-hpc-image-public coreos-cloud deeplearning-platform-release "
        "gce-nvme gce-uefi-images google-containers ml-images rhel-byos-cloud suse-byos-cloud"
    )
    assert {*others.split()} <= PUBLIC_PROJECTS


@pytest.mark.parametrize(
    ("family", "project"),
    [
        ("ubuntu-pro-2204-lts", "ubuntu-os-pro-cloud"),
        ("sles-15-sp2-sap-byos", "suse-byos-cloud"),
        ("sql-web-2022-win2022", "windows-sql-cloud"),
        ("rhel-9-sap-ha", "rhel-sap-cloud"),
        ("rhel-9-byos", "rhel-byos-cloud"),
        ("hpc-rocky-linux-8", "cloud-hpc-image-public"),
        ("pytorch-latest-gpu", "deeplearning-platform-release"),
        ("lab", ""),
    ],
)
def test_project_of_a_tagged_family(family: str, project: str) -> None:
    """A family that a tag gives belongs to Google's project for it."""
    assert public_project_of(family) == project


def test_every_project_of_a_family_answers() -> None:
    """A family never names a project that would be 404."""
    data = tomllib.loads((files("gstack") / "data" / "image_projects.toml").read_text())
    assert {*data["families"].values()} <= PUBLIC_PROJECTS
    assert data["projects"] == sorted({*data["projects"]})
