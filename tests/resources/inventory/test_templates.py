"""Templates as images: names, families, projects, references. Bodies are excerpts of a real CloudStack 4.23's."""

from typing import Any

import msgspec
import pytest

from gstack.errors import Problem
from gstack.resources.inventory.templates import Catalog, Template, find, image_reference
from gstack.resources.shared.naming import gce_id, suffix
from gstack.resources.shared.references import FAMILY, Reference

CENTOS: dict[str, Any] = {
    "id": "8a0979bc-e675-11f1-bf16-02fc00000001",
    "name": "CentOS 5.6 (64-bit) no GUI (Simulator)",
    "displaytext": "CentOS 5.6 (64-bit) no GUI (Simulator)",
    "ispublic": True,
    "created": "2026-11-22T13:06:32+0000",
    "isready": True,
    "format": "VHD",
    "isfeatured": True,
    "crossZones": True,
    "ostypename": "CentOS 5.6 (64-bit)",
    "account": "system",
    "zoneid": "b56da50f-91af-4da3-95eb-fb5486f3af55",
    "size": 2147483648,
    "physicalsize": 2147483648,
    "templatetype": "BUILTIN",
    "hypervisor": "Simulator",
    "details": {},
    "arch": "x86_64",
    "tags": [],
}
OWN: dict[str, Any] = {
    "id": "a7670d03-426e-41cd-a336-410fae0ac9b1",
    "name": "image-from-snapshot",
    "displaytext": "from a snapshot",
    "ispublic": False,
    "created": "2026-11-22T13:50:35+0000",
    "isready": True,
    "format": "RAW",
    "isfeatured": False,
    "ostypename": "AlmaLinux 8",
    "account": "alice",
    "zoneid": "b56da50f-91af-4da3-95eb-fb5486f3af55",
    "status": "Download Complete",
    "hypervisor": "Simulator",
    "sourcetemplateid": "8a0979bc-e675-11f1-bf16-02fc00000001",
    "arch": "x86_64",
    "tags": [],
}


def template(base: dict[str, Any] = CENTOS, **changes: Any) -> Template:
    return msgspec.convert({**base, **changes}, Template)


def debian(uuid: str, name: str, **changes: Any) -> Template:
    return template(id=uuid, name=name, ostypename="Debian GNU/Linux 12 (64-bit)", **changes)


def test_a_template_of_several_zones_is_one_image() -> None:
    """CloudStack lists a template once for each zone; it is one image, ready where it is ready."""
    known = Catalog((), [template(), template(zoneid="z2"), template(zoneid="z3", isready=False)], "alice")
    (image,) = known.of_project("centos-cloud")
    assert image.zones == {CENTOS["zoneid"], "z2"}
    assert (image.status, image.family, image.size_gb) == ("READY", "centos-5", 2)


def test_own_and_public_images_stand_in_their_projects() -> None:
    """Own templates are in the own project, public ones in Google's, and those Google has none for in the own one."""
    amazon = template(id="amazon", name="Amazon Linux 2", ostypename="Amazon Linux 2 (64 bit)")
    known = Catalog([template(OWN)], [template(), amazon, template(OWN)], "alice")
    assert [image.name for image in known.of_project("alice")] == ["amazon-linux-2", "image-from-snapshot"]
    assert [image.name for image in known.of_project("centos-cloud")] == ["centos-5-6-64-bit-no-gui-simulator"]
    assert known.of_project("debian-cloud") == []


def test_a_shared_template_is_in_the_own_project_alone() -> None:
    """A private template of somebody who shares it is an image of the own project, and no public one."""
    shared = debian("d", "debian-12-shared", ispublic=False, isfeatured=False)
    assert [image.id for image in Catalog((), [shared], "alice").all] == ["d"]
    assert Catalog((), [shared], "alice").of_project("debian-cloud") == []
    assert Catalog((), [shared], "").all == ()


def test_an_own_public_template_is_an_own_image_and_a_view() -> None:
    """Who publishes a Debian has it in the own project and finds it in debian-cloud, as everybody does."""
    mine = debian("d", "debian-12-mine")
    known = Catalog([mine], [mine], "alice")
    assert [image.id for image in known.of_project("alice")] == ["d"]
    assert [image.id for image in known.of_project("debian-cloud")] == ["d"]
    assert known.by_id["d"].own


def test_only_public_templates_get_a_family_from_their_os() -> None:
    """An own image has the family that its tag says, and none without."""
    tagged = template(OWN, id="t", tags=[{"key": "family", "value": "lab"}])
    known = Catalog([template(OWN), tagged], [], "alice")
    assert {image.id: image.family for image in known.all} == {OWN["id"]: "", "t": "lab"}


def test_a_public_image_shows_its_family_in_its_name() -> None:
    """Terraform wants the family in the name (clients.md 4); CloudStack's own name finds the image too."""
    known = Catalog((), [debian("d", "My Golden")], "alice")
    (image,) = known.of_project("debian-cloud")
    assert image.name == "debian-12-my-golden"
    for name in ("debian-12-my-golden", "My Golden", gce_id("d")):
        assert known.named("debian-cloud", name) == image
    assert known.named("alice", "My Golden") is None


def test_featured_images_win_over_other_users_images() -> None:
    """Nobody's published template takes a name or a family from one that the administrator featured."""
    real = debian("real", "debian-12-v1", created="2026-01-01T00:00:00+0000")
    fake = debian("fake", "debian-12-v1", created="2026-12-01T00:00:00+0000", isfeatured=False)
    known = Catalog((), [fake, real], "alice")
    assert known.by_id["real"].name == "debian-12-v1"
    assert known.by_id["fake"].name == f"debian-12-v1-{suffix('fake')}"
    newest = known.newest("debian-cloud", "debian-12")
    assert newest is not None
    assert newest.id == "real"


def test_a_family_is_its_newest_ready_image() -> None:
    """The newest counts, unless it is not ready; one that is ready in the zone comes first."""
    old = debian("old", "debian-12-v1", created="2026-01-01T00:00:00+0000", zoneid="z1")
    new = debian("new", "debian-12-v2", created="2026-02-01T00:00:00+0000", zoneid="z2")
    unready = debian("unready", "debian-12-v3", created="2026-03-01T00:00:00+0000", isready=False, status="10%")
    known = Catalog((), [old, new, unready], "alice")
    chosen = [known.newest("debian-cloud", "debian-12", zone) for zone in ("", "z1", "z2", "z3")]
    assert [image and image.id for image in chosen] == ["new", "old", "new", "new"]
    assert known.by_id["unready"].status == "PENDING"
    assert known.newest("debian-cloud", "debian-13") is None


def test_a_family_may_end_in_its_architecture() -> None:
    """`ubuntu-2404-lts-amd64`, as Google calls newer families, is the family of that architecture."""
    ubuntu = template(id="u", name="ubuntu-2404-lts-v1", ostypename="Ubuntu 24.04 LTS")
    known = Catalog((), [ubuntu], "alice")
    assert known.newest("ubuntu-os-cloud", "ubuntu-2404-lts-amd64") == known.by_id["u"]
    assert known.newest("ubuntu-os-cloud", "ubuntu-2404-lts-arm64") is None


def test_a_failed_template_is_failed() -> None:
    """A template whose download failed is FAILED and stands for no family."""
    known = Catalog((), [debian("d", "debian-12-x", isready=False, status="Download error")], "alice")
    assert known.by_id["d"].status == "FAILED"
    assert known.newest("debian-cloud", "debian-12") is None


def test_a_template_names_a_concrete_image() -> None:
    """A template stands for a concrete image of a project, also after the template is gone."""
    known = Catalog([template(OWN)], [template()], "alice")
    assert known.names_of(OWN["id"], "") == ("alice", "image-from-snapshot")
    assert known.names_of(CENTOS["id"], "") == ("centos-cloud", "centos-5-6-64-bit-no-gui-simulator")
    assert known.names_of("gone", "Old One") == ("alice", "old-one")
    assert known.names_of("gone", "") is None


@pytest.mark.parametrize(
    ("text", "project", "collection", "name"),
    [
        ("projects/debian-cloud/zones/-/imageFamilyViews/debian-12", "debian-cloud", FAMILY, "debian-12"),
        ("https://x/compute/v1/projects/debian-cloud/global/images/i", "debian-cloud", "images", "i"),
        ("global/images/i", "alice", "images", "i"),
        ("images/i", "alice", "images", "i"),
        ("global/images/family/f", "alice", FAMILY, "f"),
        ("family/f", "alice", FAMILY, "f"),
        ("i", "alice", "images", "i"),
        ("debian-cloud/debian-12", "debian-cloud", "", "debian-12"),
    ],
)
def test_every_form_of_an_image(text: str, project: str, collection: str, name: str) -> None:
    """URLs of any host, relative and short forms and families are understood; what has no project is the own one's."""
    assert image_reference(text, "alice") == Reference(project, "global", collection, name)


@pytest.mark.parametrize("text", ["", "zones/z/disks/d", "global/networks/n", "projects/p/global/snapshots/s"])
def test_what_is_no_image_is_refused(text: str) -> None:
    """A reference to something else is 400."""
    with pytest.raises(Problem) as caught:
        image_reference(text, "alice")
    assert caught.value.status == 400


def test_the_short_form_is_an_image_or_a_family() -> None:
    """`debian-cloud/debian-12` finds an image of that name first, else the family."""
    known = Catalog((), [debian("d", "debian-12-v1")], "alice")
    by_family = find(known, image_reference("debian-cloud/debian-12", "alice"))
    by_name = find(known, image_reference("debian-cloud/debian-12-v1", "alice"))
    assert by_family == by_name == known.by_id["d"]
    assert find(known, image_reference("projects/debian-cloud/global/images/debian-12", "alice")) is None
