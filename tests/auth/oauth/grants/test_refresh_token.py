"""gstack.auth.oauth.grants.refresh_token: rotation that Google's clients survive, and what a replay does."""

import asyncio
from typing import Any

from sqlalchemy import update

from auth.jwts import CLOUD, read
from auth.room import Room
from gstack.auth.store import now
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import tokens

READ_ONLY = "https://www.googleapis.com/auth/compute.readonly"


async def begin(room: Room, scope: str = "") -> dict[str, Any]:
    return dict((await room.exchange(await room.code(scope=scope))).json)


async def test_a_refresh_brings_new_tokens(room: Room) -> None:
    """Access, refresh and id token are new, and the new ones work."""
    old = await begin(room)
    new = (await room.token("refresh_token", room.demo, refresh_token=old["refresh_token"])).json
    assert new["access_token"] != old["access_token"]
    assert new["refresh_token"] != old["refresh_token"]
    assert "@" in read(new["id_token"])["email"]
    assert (await room.who(new["access_token"])).status_code == 200
    assert (await room.token("refresh_token", room.demo, refresh_token=new["refresh_token"])).status_code == 200


async def refreshed(room: Room, token: str) -> dict[str, Any]:
    answer = await room.token("refresh_token", room.demo, refresh_token=token)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


async def test_a_replay_revokes_the_family(room: Room) -> None:
    """Using a refresh token whose successor was used revokes the whole family, access tokens included."""
    first = await begin(room)
    second = await refreshed(room, first["refresh_token"])
    third = await refreshed(room, second["refresh_token"])
    for token in (first["refresh_token"], third["refresh_token"], second["refresh_token"]):
        refused = await room.token("refresh_token", room.demo, refresh_token=token)
        assert refused.json["error"] == "invalid_grant"
    for answer in (first, second, third):
        assert (await room.who(answer["access_token"])).status_code == 401


async def test_gcloud_drops_the_successor(room: Room) -> None:
    """A client that always uses the refresh token of its sign-in, like gcloud, stays signed in."""
    first = await begin(room)
    for _ in range(3):
        again = await refreshed(room, first["refresh_token"])
        assert (await room.who(again["access_token"])).status_code == 200


async def test_one_successor_lives(room: Room) -> None:
    """A successor that another one replaced before its first use is invalid, and using it revokes nothing."""
    first = await begin(room)
    lost = await refreshed(room, first["refresh_token"])
    newest = await refreshed(room, first["refresh_token"])
    refused = await room.token("refresh_token", room.demo, refresh_token=lost["refresh_token"])
    assert refused.json["error"] == "invalid_grant"
    await refreshed(room, newest["refresh_token"])


async def test_many_at_once(room: Room) -> None:
    """Programs that refresh with the same token at the same time all succeed."""
    first = await begin(room)
    answers = await asyncio.gather(*(refreshed(room, first["refresh_token"]) for _ in range(4)))
    for answer in answers:
        assert (await room.who(answer["access_token"])).status_code == 200


async def test_another_client_cannot_use_it_and_harms_nobody(room: Room) -> None:
    """Another client's request is refused and does not count as a replay."""
    mine = (await begin(room))["refresh_token"]
    assert (await room.token("refresh_token", room.accounts["other"], refresh_token=mine)).status_code == 400
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    assert (await room.token("refresh_token", wrong, refresh_token=mine)).status_code == 401
    assert (await room.token("refresh_token", room.demo, refresh_token=mine)).status_code == 200


async def test_scopes_only_get_narrower(room: Room) -> None:
    """A refresh may ask for fewer scopes but not for more, and the refresh token keeps all of them."""
    first = await begin(room, f"{READ_ONLY} {CLOUD}")
    less = (await room.token("refresh_token", room.demo, refresh_token=first["refresh_token"], scope=READ_ONLY)).json
    assert less["scope"] == READ_ONLY
    whole = (await room.token("refresh_token", room.demo, refresh_token=less["refresh_token"])).json
    assert whole["scope"] == f"{READ_ONLY} {CLOUD}"
    narrow = await begin(room, READ_ONLY)
    more = await room.token("refresh_token", room.demo, refresh_token=narrow["refresh_token"], scope=CLOUD)
    assert more.json["error"] == "invalid_scope"


async def test_a_refresh_token_ends(room: Room) -> None:
    """An expired refresh token is refused."""
    old = await begin(room)
    async with room.engine.begin() as connection:
        await connection.execute(update(tokens).values(expires=now()))
    refused = await room.token("refresh_token", room.demo, refresh_token=old["refresh_token"])
    assert refused.json["error"] == "invalid_grant"


async def test_a_refresh_token_is_no_access_token(room: Room) -> None:
    """The guard accepts only access tokens, and the grant only refresh tokens."""
    old = await begin(room)
    assert (await room.who(old["refresh_token"])).status_code == 401
    refused = await room.token("refresh_token", room.demo, refresh_token=old["access_token"])
    assert refused.json["error"] == "invalid_grant"
