"""gstack.auth.oauth.subjects: which claims open which door."""

from typing import Any

import pytest

from gstack.auth.oauth.subjects import IS, LIKE, Condition, check, meets, new_subject
from gstack.errors import Problem

CLAIMS = {"sub": "repo:acme/app:ref:refs/heads/main", "protected": True, "run": 7, "groups": ["dev", "ops"]}


@pytest.mark.parametrize(
    "conditions",
    [
        [Condition("sub", IS, "repo:acme/app:ref:refs/heads/main")],
        [Condition("sub", LIKE, "repo:acme/*")],
        [Condition("sub", LIKE, "repo:acme/*:ref:*/main")],
        [Condition("sub", LIKE, "repo:acme/*"), Condition("protected", IS, "true"), Condition("run", IS, "7")],
        [Condition("groups", IS, "ops")],
        [Condition("groups", LIKE, "de*")],
    ],
)
def test_conditions_that_are_met(conditions: list[Condition]) -> None:
    """Values are compared as texts, lists by their members, patterns as a whole."""
    assert meets(tuple(conditions), CLAIMS)


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [Condition("sub", IS, "repo:acme/*")],
        [Condition("sub", IS, "repo:acme/app:ref:refs/heads/mai")],
        [Condition("sub", IS, "REPO:acme/app:ref:refs/heads/main")],
        [Condition("sub", LIKE, "repo:acm")],
        [Condition("sub", LIKE, "repo.acme/*")],
        [Condition("sub", LIKE, "repo:acme/*"), Condition("protected", IS, "false")],
        [Condition("missing", LIKE, "*")],
        [Condition("groups", IS, "['dev', 'ops']")],
    ],
)
def test_conditions_that_are_not_met(conditions: list[Condition]) -> None:
    """No condition at all, a star where none was asked for, a part, another case, one of two: not met."""
    assert not meets(tuple(conditions), CLAIMS)


def test_a_value_with_a_line_break_fits_no_pattern() -> None:
    """`*` does not reach over lines."""
    assert not meets((Condition("sub", LIKE, "a*"),), {"sub": "ab\nc"})
    assert not meets((Condition("sub", IS, "a"),), {"sub": "a\n"})


@pytest.mark.parametrize("value", [None, {"a": 1}, [["x"]], 1.5])
def test_odd_values_meet_nothing(value: Any) -> None:
    """Objects, nested lists and fractions have no text to compare."""
    assert not meets((Condition("sub", LIKE, "*x*"), Condition("sub", IS, "x")), {"sub": value})


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [Condition("repository", IS, "acme/app")],
        [Condition("sub", LIKE, "*")],
        [Condition("sub", LIKE, "*:acme/app")],
        [Condition("sub", IS, "")],
        [Condition("sub", "regex", ".*")],
        [Condition("sub", IS, "x" * 1001)],
        [Condition("sub", IS, "a"), Condition("sub", IS, "b")],
    ],
)
def test_conditions_that_would_let_strangers_in(conditions: list[Condition]) -> None:
    """Without a `sub`, or with one that begins with a star, any user of the issuer would be let in."""
    with pytest.raises(Problem):
        check(tuple(conditions))
    with pytest.raises(Problem):
        new_subject("ci", tuple(conditions), "c", "e", "")
