"""gstack.auth.opaque: tokens and the form of API keys."""

import secrets

from gstack.auth import opaque


def test_tokens_look_like_googles_and_never_repeat() -> None:
    """Each has its prefix and is new; the stored form does not hold it."""
    for prefix in (opaque.ACCESS, opaque.REFRESH, opaque.CODE):
        one, two = opaque.new(prefix), opaque.new(prefix)
        assert one.startswith(prefix)
        assert one != two
        assert one not in opaque.digest(one)
        assert opaque.digest(one) != opaque.digest(two)


def test_api_keys_are_told_by_their_form() -> None:
    """CloudStack's keys are 64 random bytes in base64url; Google's client ids are not."""
    assert opaque.is_api_key(secrets.token_urlsafe(64))
    for text in ("32555940559.apps.googleusercontent.com", "", "x" * 85, "x" * 87, "x" * 85 + "\n", "x" * 85 + "!"):
        assert not opaque.is_api_key(text)
