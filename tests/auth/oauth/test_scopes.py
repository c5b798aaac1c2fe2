"""gstack.auth.oauth.scopes: which scopes are granted, and how the consent page describes them."""

import pytest
from authlib.oauth2.rfc6749.errors import InvalidScopeError

from gstack import resources
from gstack.auth.oauth.scopes import CLOUD_PLATFORM, as_set, describe, granted, narrowed
from gstack.gateway.call import served
from gstack.gateway.discovery import methods


def test_none_asked_means_all_of_the_account() -> None:
    """Without scopes a token has cloud-platform; so has a stored token without scopes."""
    assert granted("  ") == CLOUD_PLATFORM
    assert as_set("") == {CLOUD_PLATFORM}


def test_each_scope_once_in_its_order() -> None:
    """Duplicate scopes and spaces are removed."""
    assert granted(" openid  email openid ") == "openid email"


@pytest.mark.parametrize(
    "asked", ["bogus", "email https://evil.example/auth/compute", "https://www.googleapis.com@evil/"]
)
def test_scopes_that_are_none(asked: str) -> None:
    """A scope that is not Google's is invalid."""
    with pytest.raises(InvalidScopeError):
        granted(asked)


def test_a_refresh_may_only_ask_for_less() -> None:
    """A refresh for more scopes than granted is refused; without scopes it has those granted."""
    assert narrowed("email", "email openid") == "email"
    assert narrowed("", "email openid") == "email openid"
    with pytest.raises(InvalidScopeError):
        narrowed("email profile", "email openid")


GOOGLE = "https://www.googleapis.com/auth/"


def test_writing_includes_reading() -> None:
    """Permission to change machines includes seeing them, so one sentence is enough."""
    assert len(describe([f"{GOOGLE}compute", f"{GOOGLE}compute.readonly", f"{GOOGLE}cloud-platform"]).sentences) == 1


def test_reading_alone_says_so() -> None:
    """A read-only scope promises no change."""
    (sentence,) = describe([f"{GOOGLE}compute.readonly"]).sentences
    assert "create" not in sentence


def test_what_means_nothing_here_is_named() -> None:
    """A scope of another service has no effect here, and the page lists it as such."""
    found = describe(["openid", f"{GOOGLE}sqlservice.login"])
    assert found.ineffective == (f"{GOOGLE}sqlservice.login",)
    assert len(found.sentences) == 1


def test_what_is_promised_is_granted() -> None:
    """Every scope of a served method has a sentence; scopes that no served method takes are ineffective."""
    resources.load()
    opening = {scope for name in served() for scope in methods()[name].scopes}
    assert [scope for scope in opening if describe([scope]).ineffective] == []
    useless = [f"{GOOGLE}cloud-platform.read-only", f"{GOOGLE}devstorage.full_control"]
    assert describe(useless).ineffective == tuple(useless)
