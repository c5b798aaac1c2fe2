"""gstack.auth.tokens: tokens, their answers and their rows."""

import secrets
from datetime import timedelta

from gstack.auth import tokens
from gstack.auth.keys import key_pairs
from gstack.auth.store import ACCESS, REFRESH, now

GRANT = tokens.Authorization("credential", "client", "scope", tokens.new_family())


def test_rows_hold_hashes_only() -> None:
    """A row contains the hash of a token, not the token."""
    issued = tokens.new_access_and_refresh_tokens(GRANT, "scope more")
    access, refresh = issued.rows
    assert (access.kind, refresh.kind) == (ACCESS, REFRESH)
    assert access.hash == tokens.digest(issued.answer["access_token"])
    assert refresh.hash == tokens.digest(issued.answer["refresh_token"])
    assert (access.scopes, refresh.scopes) == ("scope", "scope more")
    assert access.family == refresh.family == GRANT.family
    assert issued.answer["access_token"] not in repr(issued.rows)


def test_no_token_outlives_its_key() -> None:
    """`ends` limits the hour of an access token, and the answer says so."""
    short = tokens.Authorization(
        "c", "c", "s", tokens.key_family("k"), user="a@b.c", ends=now() + timedelta(minutes=10)
    )
    issued = tokens.new_access_token(short)
    assert 590 < issued.answer["expires_in"] <= 600
    assert tokens.is_key_family(issued.rows[0].family)
    assert not tokens.is_key_family(GRANT.family)


def test_tokens_look_like_googles_and_never_repeat() -> None:
    """Each token has its prefix and is new, and its digest does not contain it."""
    for prefix in (tokens.ACCESS_PREFIX, tokens.REFRESH_PREFIX, tokens.CODE_PREFIX):
        one, two = tokens.random_text(prefix), tokens.random_text(prefix)
        assert one.startswith(prefix)
        assert one != two
        assert one not in tokens.digest(one)
        assert tokens.digest(one) != tokens.digest(two)


def test_api_keys_are_told_by_their_form() -> None:
    """CloudStack's keys are 64 random bytes in base64url; Google's client ids are not."""
    assert key_pairs.is_api_key(secrets.token_urlsafe(64))
    for text in ("32555940559.apps.googleusercontent.com", "", "x" * 85, "x" * 87, "x" * 85 + "\n", "x" * 85 + "!"):
        assert not key_pairs.is_api_key(text)
