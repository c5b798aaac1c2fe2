"""gstack.auth.store: several processes at once."""

import asyncio

import msgspec

from auth.room import Room
from gstack.auth import tokens
from gstack.auth.keys.credentials import register
from gstack.auth.store import Store
from gstack.db.engine import create_engine


async def test_a_token_is_exchanged_once_over_processes(room: Room) -> None:
    """Of several connections that exchange one token, exactly one succeeds, and then the family is revoked."""
    credential = await room.auth.verify_pair(room.demo)
    grant = tokens.Authorization(credential.id, "client", "scope", tokens.new_family())
    old = tokens.new_access_token(grant).rows[0]
    await room.auth.store.add_tokens(old)
    engines = [create_engine(room.auth.settings.database_url) for _ in range(3)]
    fresh = [tokens.new_access_token(grant).rows[0] for _ in engines]
    won = await asyncio.gather(*(Store(engine).exchange(old, row) for engine, row in zip(engines, fresh, strict=True)))
    assert sorted(won) == [False, False, True]
    for row in fresh:
        assert await room.auth.store.valid_access_token(row.hash) is None
    for engine in engines:
        await engine.dispose()


async def test_a_pair_proved_by_several_at_once_is_one_row(room: Room) -> None:
    """Processes that store the same new pair at the same time produce one row and no error."""
    engines = [create_engine(room.auth.settings.database_url) for _ in range(3)]
    stored = await asyncio.gather(
        *(register(room.auth.cloudstack, Store(engine), room.auth.seal, room.demo) for engine in engines)
    )
    assert len({credential.id for credential in stored}) == 1
    for engine in engines:
        await engine.dispose()


async def test_a_newer_owner_replaces_the_older(room: Room) -> None:
    """A pair whose user has a new e-mail is updated, but keeps its creation time."""
    first = await room.auth.verify_pair(room.demo)
    renamed = msgspec.structs.replace(first, user="new@example.org")
    stored = await room.auth.store.put_credential(renamed)
    assert (stored.user, stored.created) == ("new@example.org", first.created)
