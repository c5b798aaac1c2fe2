"""gstack.auth.scopes: what is granted for what is asked."""

import pytest
from authlib.oauth2.rfc6749.errors import InvalidScopeError

from gstack.auth.scopes import CLOUD_PLATFORM, as_set, granted, narrowed


def test_none_asked_means_all_of_the_account() -> None:
    """Without scopes a token has cloud-platform, also one of a row without any."""
    assert granted("  ") == CLOUD_PLATFORM
    assert as_set("") == {CLOUD_PLATFORM}


def test_each_scope_once_in_its_order() -> None:
    """Doubled scopes and spaces go."""
    assert granted(" b  a b ") == "b a"


def test_a_refresh_may_only_ask_for_less() -> None:
    """More than was granted is refused, nothing asked keeps it."""
    assert narrowed("a", "a b") == "a"
    assert narrowed("", "a b") == "a b"
    with pytest.raises(InvalidScopeError):
        narrowed("a c", "a b")
