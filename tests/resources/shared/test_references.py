"""References in every form that clients send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.resources.shared.references import Reference, agrees, last_name, name_in, parse_reference

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).filter(lambda name: name != "projects")
OURS = "https://localhost:5000/compute/v1/"
GOOGLE = "https://www.googleapis.com/compute/v1/"


@pytest.mark.parametrize(
    "text",
    [
        "https://www.googleapis.com/compute/v1/projects/p/zones/us-x-a/disks/d",
        "https://compute.googleapis.com/compute/beta/projects/p/zones/us-x-a/disks/d",
        "http://localhost:5000/compute/v1beta16/projects/p/zones/us-x-a/disks/d/",
        "projects/p/zones/us-x-a/disks/d",
        "/projects/p/zones/us-x-a/disks/d",
        " compute/v1/projects/p/zones/us-x-a/disks/d ",
    ],
)
def test_any_host_and_version(text: str) -> None:
    """Host, version and slashes around do not matter."""
    assert parse_reference(text) == Reference("p", "zones/us-x-a", "disks", "d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Reference("", "", "", "")),
        ("d", Reference("", "", "", "d")),
        ("networks/n", Reference("", "", "networks", "n")),
        ("global/networks/n", Reference("", "global", "networks", "n")),
        ("zones/z/machineTypes/custom-2-4096", Reference("", "zones/z", "machineTypes", "custom-2-4096")),
        ("regions/r/subnetworks/s", Reference("", "regions/r", "subnetworks", "s")),
        (f"{OURS}zones/z/disks/d", Reference("", "zones/z", "disks", "d")),
        (f"{OURS}projects/p/zones/z", Reference("p", "", "zones", "z")),
        ("zones/z", Reference("", "", "zones", "z")),
        (f"{OURS}projects/p", Reference("p", "", "projects", "p")),
        ("projects/example.com:p/global/networks/n", Reference("example.com:p", "global", "networks", "n")),
        ("projects/a%40b.ie/global/networks/n", Reference("a@b.ie", "global", "networks", "n")),
        ("projects/p/zones/z/disks/projects", Reference("p", "zones/z", "disks", "projects")),
        ("projects/projects/zones/z/disks/d", Reference("projects", "zones/z", "disks", "d")),
        (f"{OURS}projects/p/global/images/i?alt=json", Reference("p", "global", "images", "i")),
    ],
)
def test_short_forms(text: str, expected: Reference) -> None:
    """What was not said is empty; what was said is kept."""
    assert parse_reference(text) == expected


def test_the_last_project_counts() -> None:
    """Ansible's firewall module puts one URL behind another (clients.md R3)."""
    text = f"{GOOGLE}projects/p0/{OURS}projects/p1/global/networks/n1"
    assert parse_reference(text) == Reference("p1", "global", "networks", "n1")


@pytest.mark.parametrize(
    "text",
    [
        "projects/debian-cloud/global/images/family/debian-12",
        f"{GOOGLE}projects/debian-cloud/global/images/family/debian-12",
        "projects/debian-cloud/zones/-/imageFamilyViews/debian-12",
        "projects/debian-cloud/zones/us-x-a/imageFamilyViews/debian-12",
    ],
)
def test_families(text: str) -> None:
    """A family is a collection of its own, in both of Google's forms."""
    assert parse_reference(text) == Reference("debian-cloud", "global", "images/family", "debian-12")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("n", "n"),
        ("networks/n", "n"),
        ("global/networks/n", "n"),
        (f"{GOOGLE}projects/p/global/networks/n", "n"),
        (f"{GOOGLE}projects/x/{OURS}projects/12/global/networks/n", "n"),
        ("", ""),
        ("global/images/n", ""),
        ("x/y/n", ""),
        ("global/n", ""),
        ("projects/p/n", ""),
        ("zones/z/networks/n", ""),
        ("regions/r/networks/n", ""),
        ("projects/x/global/networks/n", ""),
        ("global/networks", ""),
    ],
)
def test_what_a_body_may_mean(text: str, name: str) -> None:
    """A reference has a name only where collection, scope and project are those of the field, or unsaid."""
    assert name_in(text, "networks", ["global"], ["p", "12"]) == name


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        ("diskTypes/t", True),
        ("zones/z/diskTypes/t", True),
        ("projects/p/zones/z/diskTypes/t", True),
        ("zones/z/machineTypes/t", False),
        ("zones/y/diskTypes/t", False),
        ("projects/x/zones/z/diskTypes/t", False),
        ("zones/z/diskTypes/u", False),
    ],
)
def test_what_agrees_with_what_is_shown(sent: str, same: bool) -> None:
    """Less may be said than is shown, nothing else."""
    assert agrees(sent, f"{OURS}projects/p/zones/z/diskTypes/t") is same


def test_zone_and_region_of_a_reference() -> None:
    """The scope's name is at hand."""
    assert parse_reference("zones/z/disks/d").zone == "z"
    assert parse_reference("regions/r/addresses/a").region == "r"
    assert parse_reference("global/networks/n").zone == parse_reference("global/networks/n").region == ""


@given(st.sampled_from([OURS, GOOGLE, ""]), NAMES, st.sampled_from(["global", "zones/z", "regions/r"]), NAMES, NAMES)
def test_what_is_put_together_comes_apart(base: str, project: str, scope: str, collection: str, name: str) -> None:
    """Any full reference gives its four parts back."""
    text = f"{base}projects/{project}/{scope}/{collection}/{name}"
    assert parse_reference(text) == Reference(project, scope, collection, name)
    assert last_name(text) == name


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever a client sends is taken apart without an error."""
    parse_reference(text)
