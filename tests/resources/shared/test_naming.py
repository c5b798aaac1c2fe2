"""Names, ids, labels, fingerprints."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.resources.shared import naming

PATTERN = re.compile(naming.NAME_PATTERN)
GCE_NAMES = st.from_regex(PATTERN, fullmatch=True)
LETTERS = st.characters(categories=["Ll", "Lo", "Nd"], include_characters="_-")
LABELS = st.dictionaries(
    st.builds(lambda first, rest: first + rest, st.characters(categories=["Ll", "Lo"]), st.text(LETTERS, max_size=62)),
    st.text(LETTERS, max_size=63),
    max_size=64,
)


@given(st.text(max_size=100))
def test_slug_gives_a_gce_name(name: str) -> None:
    """Any CloudStack name becomes a name that Google's pattern takes, and stays so when it is slugged again."""
    text = naming.slug(name)
    assert PATTERN.fullmatch(text)
    assert naming.slug(text) == text


@given(GCE_NAMES)
def test_slug_leaves_gce_names(name: str) -> None:
    """A name that is a GCE name shows as it is."""
    assert naming.slug(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Small Instance", "small-instance"),
        ("CentOS 5.6 (64-bit) no GUI (Simulator)", "centos-5-6-64-bit-no-gui-simulator"),
        ("Größe 2", "groe-2"),
        ("4 CPU", "cs-4-cpu"),
        ("a--b", "a--b"),
    ],
)
def test_slug_reads_well(name: str, expected: str) -> None:
    """A slug keeps the words of a name."""
    assert naming.slug(name) == expected


@given(
    st.dictionaries(st.uuids().map(str), st.sampled_from(["web", "Web", "w e b", "web-", "db", "x" * 80]), max_size=12)
)
def test_gce_names_are_unique_and_do_not_depend_on_order(named: dict[str, str]) -> None:
    """No two things share a name, whatever CloudStack calls them and in whatever order they are listed."""
    names = naming.gce_names(named.items())
    assert names.keys() == named.keys()
    assert len(set(names.values())) == len(named)
    assert all(PATTERN.fullmatch(name) for name in names.values())
    assert naming.gce_names(reversed(list(named.items()))) == names


def test_the_exact_name_keeps_its_name() -> None:
    """Of several names with one slug the one that is the slug is shown as it is; the others get a suffix."""
    names = naming.gce_names([("1", "Web"), ("2", "web"), ("3", "WEB")])
    assert names["2"] == "web"
    assert names["1"] == f"web-{naming.suffix('1')}"
    assert names["3"] == f"web-{naming.suffix('3')}"


def test_names_that_are_taken_are_left_alone() -> None:
    """A name that others have already is not given again."""
    assert naming.gce_names([("1", "web")], taken={"web"}) == {"1": f"web-{naming.suffix('1')}"}


def test_a_name_of_two_things_belongs_to_neither() -> None:
    """Two things with the same exact name both get a suffix, so that neither changes when the other goes."""
    names = naming.gce_names([("1", "web"), ("2", "web")])
    assert set(names.values()) == {f"web-{naming.suffix('1')}", f"web-{naming.suffix('2')}"}


@pytest.mark.parametrize("name", ["Web", "1a", "a-", "-a", "a_b", "a" * 64, "a\n", 7, ["a"]])
def test_check_name_refuses_what_google_refuses(name: object) -> None:
    """A new name that breaks Google's pattern is refused, naming the field."""
    with pytest.raises(Problem) as caught:
        naming.check_name("resource.name", name)
    assert (caught.value.status, caught.value.location) == (400, "resource.name")


def test_check_name_wants_a_name() -> None:
    """A missing name is `required`."""
    with pytest.raises(Problem) as caught:
        naming.check_name("resource.name", None)
    assert caught.value.reason == "required"


@given(GCE_NAMES)
def test_check_name_takes_gce_names(name: str) -> None:
    """Every name of Google's pattern passes."""
    assert naming.check_name("resource.name", name) == name


def test_fingerprint_ignores_the_order_of_keys() -> None:
    """Equal content has an equal fingerprint; other content another."""
    assert naming.fingerprint({"a": 1, "b": [2]}) == naming.fingerprint({"b": [2], "a": 1})
    assert naming.fingerprint({"a": 1}) != naming.fingerprint({"a": 2})
    assert re.fullmatch(r"[\w-]{11}=", naming.fingerprint({}))


def test_check_fingerprint() -> None:
    """An old fingerprint is 412; the right one and none at all pass."""
    naming.check_fingerprint(None, {"a": 1})
    naming.check_fingerprint("", {"a": 1})
    naming.check_fingerprint(naming.fingerprint({"a": 1}), {"a": 1})
    with pytest.raises(Problem) as caught:
        naming.check_fingerprint(naming.fingerprint({"a": 2}), {"a": 1})
    assert (caught.value.status, caught.value.reason) == (412, "conditionNotMet")


def test_check_label_fingerprint() -> None:
    """An old label fingerprint is 412 in Google's words, which clients look for; the right one and none pass."""
    naming.check_label_fingerprint("", {"a": "1"})
    naming.check_label_fingerprint(naming.fingerprint({"a": "1"}), {"a": "1"})
    with pytest.raises(Problem, match="Labels fingerprint either invalid") as caught:
        naming.check_label_fingerprint(naming.fingerprint({"a": "2"}), {"a": "1"})
    assert (caught.value.status, caught.value.reason) == (412, "conditionNotMet")
    assert caught.value.message.endswith("invalid or resource labels have changed")


def test_rules_of_labels() -> None:
    """Google's words say which rule a label breaks, and which label."""
    field = "Invalid value for field 'resource.labels': ''. "
    with pytest.raises(Problem) as caught:
        naming.check_labels({"iAmVm": "x"})
    assert caught.value.message == (
        f"{field}Label key 'iAmVm' violates format constraints. The key must start with a lowercase character, can "
        "only contain lowercase letters, numeric characters, underscores and dashes. The key can be at most 63 "
        "characters long. International characters are allowed."
    )
    with pytest.raises(Problem) as caught:
        naming.check_labels({"a": "head.default"})
    assert caught.value.message == (
        f"{field}Label value 'head.default' violates format constraints. The value can only contain lowercase letters, "
        "numeric characters, underscores and dashes. The value can be at most 63 characters long. International "
        "characters are allowed."
    )


@given(LABELS)
def test_labels_survive_cloudstack(labels: dict[str, str]) -> None:
    """Labels that pass the check come back from tags as they were, and no tag has an empty value."""
    tags = naming.labels_to_tags(naming.check_labels(labels))
    assert all(0 < len(tag["value"]) <= 255 and len(tag["key"]) <= 255 for tag in tags)
    assert naming.tags_to_labels(tags) == labels


def test_labels_that_look_like_our_own_tags_survive() -> None:
    """A label `family` or `gstack-…` is no tag of ours, and our tags are no labels."""
    labels = {"family": "smith", "gstack-x": "1", "empty": ""}
    tags = naming.labels_to_tags(labels)
    assert {tag["key"] for tag in tags} == {"label:family", "label:gstack-x", "empty"}
    ours = [{"key": "family", "value": "debian-12"}, {"key": "gstack-name", "value": "x"}]
    assert naming.tags_to_labels([*tags, *ours]) == labels


@pytest.mark.parametrize(
    "labels",
    [
        {"Upper": "x"},
        {"1a": "x"},
        {"": "x"},
        {"a" * 64: "x"},
        {"a": "X"},
        {"a": "x" * 64},
        {"a": "two words"},
        {"a": 1},
        {f"k{number}": "" for number in range(65)},
        ["a"],
    ],
)
def test_check_labels_refuses_what_google_refuses(labels: object) -> None:
    """Keys, values and counts outside Google's rules are 400."""
    with pytest.raises(Problem) as caught:
        naming.check_labels(labels)
    assert (caught.value.status, caught.value.reason) == (400, "invalid")


def test_no_labels() -> None:
    """A null is no labels, and a null value an empty one."""
    assert naming.check_labels(None) == {}
    assert naming.check_labels({"a": None}) == {"a": ""}


def test_timestamps() -> None:
    """CloudStack's time is shown as RFC 3339; what is no time is not shown."""
    assert naming.timestamp_of("2026-11-22T13:36:25+0000") == "2026-11-22T13:36:25.000+00:00"
    assert naming.timestamp_of("yesterday") == ""
