"""gstack.auth.oauth.revoke: whoever has a token can revoke it."""

from typing import Any

import pytest

from auth.jwts import assertion
from auth.room import JWT_BEARER, Room
from gstack.auth.addresses import REVOKE_PATHS
from gstack.auth.keys import service_accounts


async def signed_in(room: Room) -> dict[str, Any]:
    return dict((await room.exchange(await room.code())).json)


@pytest.mark.parametrize("path", REVOKE_PATHS)
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_one_token_ends_all_that_came_with_it(room: Room, path: str, kind: str) -> None:
    """Revoking the access or the refresh token ends both, as Google does it."""
    mine, others = await signed_in(room), await signed_in(room)
    assert (await room.form(path, {"token": mine[kind]})).status_code == 200
    assert (await room.who(mine["access_token"])).status_code == 401
    refused = await room.token("refresh_token", room.demo, refresh_token=mine["refresh_token"])
    assert refused.json["error"] == "invalid_grant"
    assert (await room.who(others["access_token"])).status_code == 200


async def test_the_token_may_stand_in_the_query(room: Room) -> None:
    """The token may be in the query of a GET (oauth2client) or POST."""
    for method in ("GET", "POST"):
        token = (await signed_in(room))["access_token"]
        answer = await room.http.simulate_request(method, "/revoke", params={"token": token})
        assert answer.status_code == 200
        assert (await room.who(token)).status_code == 401


async def test_a_service_accounts_other_tokens_stay(room: Room) -> None:
    """Revoking one token of a service-account key leaves the key's other tokens valid."""
    file = await service_accounts.register_key(
        room.auth, await room.auth.verify_pair(room.demo), token_uri="https://localhost:5000/oauth2/token"
    )
    first, second = [(await room.token(JWT_BEARER, assertion=assertion(file))).json["access_token"] for _ in range(2)]
    await room.form("/oauth2/revoke", {"token": first})
    assert (await room.who(first)).status_code == 401
    assert (await room.who(second)).status_code == 200


async def test_unknown_tokens_are_no_error(room: Room) -> None:
    """Revoking an unknown token succeeds (RFC 7009, 2.2); a request without a token is an error."""
    assert (await room.form("/oauth2/revoke", {"token": "unknown"})).status_code == 200
    assert (await room.form("/oauth2/revoke", {})).json["error"] == "invalid_request"
    assert (await room.http.simulate_get("/oauth2/revoke")).json["error"] == "invalid_request"
