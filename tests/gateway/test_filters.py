"""Google's filter language."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.filters import parse_filter

VM: dict[str, Any] = {
    "name": "vm1",
    "status": "RUNNING",
    "sizeGb": "10",
    "cpus": 2,
    "creationTimestamp": "2026-05-01T00:00:00.000+00:00",
    "zone": "https://localhost:5000/compute/v1/projects/demo/zones/z-a",
    "labels": {"env": "prod", "my-team": "a b"},
    "scheduling": {"automaticRestart": True},
    "tags": {"items": ["web", "db"]},
    "disks": [{"source": "a"}, {"source": "b"}],
    "description": 'say "hi"',
}
WORDS = st.text(st.sampled_from("abc-_09"), min_size=1, max_size=8)


def matches(text: str, item: dict[str, Any] = VM) -> bool:
    found = parse_filter(text)
    assert found is not None
    return found.matches(item)


@pytest.mark.parametrize(
    "text",
    [
        "name eq vm1",
        "name eq ^vm1$",
        'name eq ".*(^vm1$).*"',
        "name eq 'vm[0-9]'",
        "name eq (vm|db)[0-9]",
        "(name eq vm.*)",
        "(name eq vm.*) (status ne TERMINATED)",
        "(name eq vm.*)(zone eq .*/z-a)",
        "name ne vm",
        "missing.field ne x",
        "scheduling.automaticRestart eq true",
        "name eq vm1 AND status eq RUNNING",
        r"description eq 'say \"hi\"'",
    ],
)
def test_regular_expressions_match_the_whole_field(text: str) -> None:
    """`eq` and `ne` take an expression, quoted or not, for the whole value."""
    assert matches(text)


@pytest.mark.parametrize("text", ["name eq vm", "name eq m1", "name ne vm.*", "(name eq vm1)(status eq STOPPED)"])
def test_regular_expressions_do_not_match_parts(text: str) -> None:
    """What fits a part of the value is no match; all expressions must hold."""
    assert not matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "name = vm1",
        'name="vm1"',
        "name = 'v*1'",
        "name=*",
        "name != vm2",
        "labels.env = prod",
        'labels."my-team" = "a b"',
        "labels.my-team:a",
        "labels.env:*",
        "labels:env",
        "-labels.missing:*",
        "NOT labels.missing:*",
        "scheduling.automaticRestart = true",
        "tags.items = web",
        "tags.items:db",
        "disks.source = b",
        "sizeGb > 9",
        "sizeGb >= 10",
        "cpus = 2.0",
        "sizeGb < 100",
        'creationTimestamp > "2026-04-30"',
        "creationTimestamp <= 2026-05-02T00:00:00Z",
        "name = x OR name = vm1",
        "name = vm1 status = RUNNING",
        "(name = vm1) (status = RUNNING)",
        "NOT (name = a OR name = b)",
        r'description = "say \"hi\""',
        "status:run",
    ],
)
def test_comparisons_hold(text: str) -> None:
    """AIP-160: comparisons, presence, nested fields, lists and wildcards."""
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "name = vm",
        "name != vm1",
        "name = VM1",
        "labels.env:*  labels.missing:*",
        "sizeGb > 10",
        "sizeGb < 9",
        "tags.items = we",
        "NOT name = vm1",
        "missing = x",
        "missing > 0",
        "sizeGb = 010",
    ],
)
def test_comparisons_fail(text: str) -> None:
    """What does not hold is no match, and a missing field holds nothing."""
    assert not matches(text)


def test_or_binds_closer_than_and() -> None:
    """AIP-160 reads `a OR b AND c` as `(a OR b) AND c`."""
    assert not matches("name = vm1 OR name = x AND status = STOPPED")
    assert matches("status = RUNNING AND name = vm1 OR name = x")


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_filter_is_none(text: str) -> None:
    """Clients send `filter=` for no filter."""
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name", "position"),
        ("name =", "position"),
        ("(name = x", "position"),
        ("name = x)", "position 8"),
        ("name = a b", "position 9"),
        ("AND", "position 0"),
        ("name eq (", "position"),
        ('name eq "[a"', "not a regular expression"),
        ("name eq (?=a)b", "not a regular expression"),
        (r"name eq '(a)\1'", "not a regular expression"),
        ('name eq "a)|(b"', "not a regular expression"),
        ("name eq 'a{1000}{1000}'", "not a regular expression"),
        ("(name eq a)(status = b)", "cannot be mixed"),
        ("a = " + "x" * 5000, "longer than"),
        ("(" * 100 + "a = b" + ")" * 100, "parentheses"),
    ],
)
def test_mistakes_are_refused_by_name(text: str, said: str) -> None:
    """What cannot be read is a 400 that names the filter and the place."""
    with pytest.raises(Problem) as caught:
        parse_filter(text)
    assert (caught.value.status, caught.value.location) == (400, "filter")
    assert said in caught.value.message


def test_no_expression_hangs_the_server() -> None:
    """Expressions that ruin backtracking machines take linear time here."""
    assert not matches("name eq (a+)+b", {"name": "a" * 50_000})


@pytest.mark.parametrize(
    ("text", "equals"),
    [
        ("name = vm1", {"name": "vm1"}),
        ("name eq ^vm1$", {"name": "vm1"}),
        ("(name eq vm1) (status eq RUNNING)", {"name": "vm1", "status": "RUNNING"}),
        ("name = vm1 AND (status = RUNNING)", {"name": "vm1", "status": "RUNNING"}),
        ("name = vm1 OR name = vm2", {}),
        ("NOT name = vm1", {}),
        ("name = vm*", {}),
        ("name eq vm.*", {}),
        ("name != vm1", {}),
        ("status = RUNNING (name = a OR name = b)", {"status": "RUNNING"}),
    ],
)
def test_what_every_match_fulfils_can_be_pushed_down(text: str, equals: dict[str, str]) -> None:
    """Conditions under AND alone are told to the resource, others never."""
    found = parse_filter(text)
    assert found is not None
    assert found.equals == equals


@given(WORDS, WORDS)
def test_equality_is_equality(name: str, other: str) -> None:
    """For plain words `=`, `eq` and the quoted forms agree with Python."""
    for form in (f"name = {name}", f'name="{name}"', f"name eq {name}", f"NOT name != '{name}'"):
        assert matches(form, {"name": other}) == (name == other)


@given(st.lists(WORDS, min_size=1, max_size=4, unique=True), WORDS)
def test_combinations_agree_with_logic(names: list[str], name: str) -> None:
    """OR is any, AND of negations is none."""
    either = " OR ".join(f"name = {known}" for known in names)
    neither = " AND ".join(f"(NOT name = {known})" for known in names)
    assert matches(either, {"name": name}) == (name in names)
    assert matches(neither, {"name": name}) == (name not in names)


@given(st.text() | st.text(st.sampled_from("name eq=!<>:()\"'*AND OR.-\\")))
def test_no_filter_is_a_fault(text: str) -> None:
    """Whatever is sent is read or refused."""
    assert outcome(text) in {200, 400}


def outcome(text: str) -> int:
    try:
        found = parse_filter(text)
    except Problem as problem:
        return problem.status
    assert found is None or found.matches(VM) in {True, False}
    return 200


@pytest.mark.parametrize("operator", ["=", "!="])
def test_wildcards_cost_nobody_time(operator: str) -> None:
    """Many stars over a long text end at once: no filter hangs the server."""
    narrow = parse_filter(f'description {operator} "{"*a" * 40}*b"')
    assert narrow
    assert narrow.matches({"description": "a" * 2048}) == (operator == "!=")
