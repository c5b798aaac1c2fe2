"""gstack.auth.oauth.trust: mappings, their conditions, and the file for a CI system."""

from typing import Any

import pytest

from auth.room import Room
from gstack.auth.oauth import trust
from gstack.auth.oauth.trust import IS, LIKE, Condition, check_conditions, meets
from gstack.errors import Problem

MAIN = (Condition("sub", "is", "repo:me/app:ref:refs/heads/main"),)


async def test_an_issuer_that_the_settings_do_not_name_is_refused(room: Room) -> None:
    """A mapping for an issuer that is not in the settings is refused, and nothing is stored."""
    with pytest.raises(Problem, match="have no"):
        await trust.add(room.auth, room.demo, "unknown", MAIN)
    assert await trust.list_mappings(room.engine) == []


async def test_nothing_to_remove_is_said(room: Room) -> None:
    """Removing an unknown mapping returns False."""
    assert not await trust.remove(room.auth, "nothing")


def test_the_file_names_our_token_endpoint_and_where_the_token_comes_from() -> None:
    """The external-account file names our token endpoint, and a file or URL as the source."""
    file = trust.external_account("ci", "https://localhost:5000/v1/token", "token.jwt")
    assert (file["type"], file["token_url"]) == ("external_account", "https://localhost:5000/v1/token")
    assert file["audience"] == f"{trust.POOL}ci"
    assert file["credential_source"] == {"file": "token.jwt"}
    url = trust.external_account("ci", "https://localhost:5000/v1/token", "https://ci.example/token")
    assert url["credential_source"] == {"url": "https://ci.example/token"}


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
    """Claims are compared as text, lists by their members; a pattern must match the whole value."""
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
    """No conditions, a star in an exact value, a partial or differently cased value, or one of two is not enough."""
    assert not meets(tuple(conditions), CLAIMS)


def test_a_value_with_a_line_break_fits_no_pattern() -> None:
    """A pattern matches no value with a line break."""
    assert not meets((Condition("sub", LIKE, "a*"),), {"sub": "ab\nc"})
    assert not meets((Condition("sub", IS, "a"),), {"sub": "a\n"})


@pytest.mark.parametrize("value", [None, {"a": 1}, [["x"]], 1.5])
def test_odd_values_meet_nothing(value: Any) -> None:
    """Objects, nested lists and fractions meet no condition."""
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
    """Conditions without a `sub`, or with one that begins with a star, would let in any user of the issuer."""
    with pytest.raises(Problem):
        check_conditions(tuple(conditions))
