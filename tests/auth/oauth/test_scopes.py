"""gstack.auth.oauth.scopes: what is granted for what is asked."""

import pytest
from authlib.oauth2.rfc6749.errors import InvalidScopeError

from gstack.auth.oauth.scopes import CLOUD_PLATFORM, as_set, granted, narrowed


def test_none_asked_means_all_of_the_account() -> None:
    """Without scopes a token has cloud-platform, also one of a row without any."""
    assert granted("  ") == CLOUD_PLATFORM
    assert as_set("") == {CLOUD_PLATFORM}


def test_each_scope_once_in_its_order() -> None:
    """Doubled scopes and spaces go."""
    assert granted(" openid  email openid ") == "openid email"


@pytest.mark.parametrize(
    "asked", ["bogus", "email https://evil.example/auth/compute", "https://www.googleapis.com@evil/"]
)
def test_scopes_that_are_none(asked: str) -> None:
    """What is no scope of Google's is invalid, and no token is made for it."""
    with pytest.raises(InvalidScopeError):
        granted(asked)


def test_a_refresh_may_only_ask_for_less() -> None:
    """More than was granted is refused, nothing asked keeps it."""
    assert narrowed("email", "email openid") == "email"
    assert narrowed("", "email openid") == "email openid"
    with pytest.raises(InvalidScopeError):
        narrowed("email profile", "email openid")
