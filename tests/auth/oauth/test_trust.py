"""Who may be trusted, and what a CI system gets to sign in with. The exchange itself: grants/test_token_exchange."""

import pytest

from auth.room import Room
from gstack.auth.oauth import trust
from gstack.auth.oauth.subjects import Condition
from gstack.errors import Problem

MAIN = (Condition("sub", "is", "repo:me/app:ref:refs/heads/main"),)


async def test_an_issuer_that_the_settings_do_not_name_is_refused(room: Room) -> None:
    """Only the operator's settings say whose tokens count; nothing is kept."""
    with pytest.raises(Problem, match="name no"):
        await trust.add(room.auth, room.demo, "unknown", MAIN)
    assert await room.auth.subjects.all() == []


async def test_nothing_to_remove_is_said(room: Room) -> None:
    """An id of nothing is False, not an error."""
    assert not await trust.remove(room.auth, "nothing")


def test_the_file_names_our_token_endpoint_and_where_the_token_comes_from() -> None:
    """Google's external-account form: a file or a URL as the source."""
    file = trust.external_account("ci", "https://localhost:5000/v1/token", "token.jwt")
    assert (file["type"], file["token_url"]) == ("external_account", "https://localhost:5000/v1/token")
    assert file["audience"] == f"{trust.POOL}ci"
    assert file["credential_source"] == {"file": "token.jwt"}
    url = trust.external_account("ci", "https://localhost:5000/v1/token", "https://ci.example/token")
    assert url["credential_source"] == {"url": "https://ci.example/token"}
