"""gstack.auth.auth: what other parts of the product use."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import insert, select, update

from auth.room import Room
from auth.visitor import Visitor
from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.keys.credentials import credential_id_of
from gstack.auth.store import now
from gstack.db.tables import attempts, credentials
from gstack.db.tables import tokens as token_rows


async def test_the_runner_gets_key_pairs(room: Room) -> None:
    """A credential's pair is found by its id, even if revoked and after a restart; an unknown id gives None."""
    await room.token("client_credentials", room.demo)
    async with room.engine.begin() as connection:
        await connection.execute(update(credentials).values(revoked=now()))
    restarted = Auth(room.engine, room.auth.cloudstack, room.auth.settings)
    assert await restarted.key_pair(credential_id_of(room.demo)) == room.demo
    assert await restarted.key_pair("unknown") is None


async def test_tokens_survive_a_restart(room: Room) -> None:
    """A new process with the same folder and database accepts old tokens and signs with the same key."""
    token = (await room.token("client_credentials", room.demo)).json["access_token"]
    restarted = Auth(room.engine, room.auth.cloudstack, room.auth.settings)
    assert await restarted.id_tokens.public_keys() == await room.auth.id_tokens.public_keys()
    room.auth.guard.forget()
    assert (await room.who(token)).status_code == 200


@pytest.mark.parametrize("way", ["token", "authorize", "sign-in"])
async def test_old_rows_are_deleted_by_whatever_adds_rows(room: Room, way: str) -> None:
    """Whatever adds rows deletes codes and failures that are long over, even if nobody requests tokens."""
    long_ago = now() - timedelta(days=40)
    _, code = tokens.new_code(None, room.demo.api_key, "openid", "http://localhost/", "", "")
    old = msgspec.structs.replace(code, created=long_ago, expires=long_ago)
    await room.auth.store.add_tokens(old)
    async with room.engine.begin() as connection:
        await connection.execute(insert(attempts).values(key="old", failures=1, seen=long_ago))
    if way == "token":
        await room.token("client_credentials", room.demo)
    elif way == "authorize":
        await room.authorize()
    else:
        await Visitor(room).sign_in("wrong")
    async with room.engine.begin() as connection:
        hashes = set(await connection.scalars(select(token_rows.c.hash)))
        keys = set(await connection.scalars(select(attempts.c.key)))
    assert old.hash not in hashes
    assert "old" not in keys
