"""gstack.auth.tokens: the answer and the rows behind it."""

from datetime import timedelta

from gstack.auth import opaque
from gstack.auth import tokens as issue
from gstack.auth.store import ACCESS, REFRESH, now

GRANT = issue.Grant("credential", "client", "scope", issue.new_family())


def test_rows_hold_hashes_only() -> None:
    """What the client gets is not in the row, its hash is."""
    issued = issue.with_refresh(GRANT, "scope more")
    access, refresh = issued.rows
    assert (access.kind, refresh.kind) == (ACCESS, REFRESH)
    assert access.hash == opaque.digest(issued.answer["access_token"])
    assert refresh.hash == opaque.digest(issued.answer["refresh_token"])
    assert (access.scopes, refresh.scopes) == ("scope", "scope more")
    assert access.family == refresh.family == GRANT.family
    assert issued.answer["access_token"] not in repr(issued.rows)


def test_no_token_outlives_its_key() -> None:
    """`ends` cuts the hour short, and the answer says so."""
    short = issue.Grant("c", "c", "s", issue.key_family("k"), user="a@b.c", ends=now() + timedelta(minutes=10))
    issued = issue.access(short)
    assert 590 < issued.answer["expires_in"] <= 600
    assert issue.is_key_family(issued.rows[0].family)
    assert not issue.is_key_family(GRANT.family)
