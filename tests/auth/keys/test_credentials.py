"""gstack.auth.keys.credentials: one sealed row per pair."""

import pytest
from sqlalchemy import func, select, update

from auth.room import Room
from gstack.auth.keys.credentials import credential_id_of, unsealed
from gstack.auth.keys.sealing import WrongKeyError
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import credentials


async def test_a_pair_has_one_row(room: Room) -> None:
    """Proved twice, a pair is kept once, and its secret comes back as it was."""
    first, second = await room.auth.proved(room.demo), await room.auth.proved(room.demo)
    assert first.id == second.id == credential_id_of(room.demo)
    assert unsealed(room.auth.seal, second) == room.demo
    async with room.engine.begin() as connection:
        assert (await connection.execute(select(func.count()).select_from(credentials))).scalar() == 1


async def test_a_row_cannot_lend_anothers_secret(room: Room) -> None:
    """A sealed secret that was moved to another row is noticed."""
    mine, theirs = await room.auth.proved(room.demo), await room.auth.proved(room.accounts["other"])
    async with room.engine.begin() as connection:
        moved = update(credentials).where(credentials.c.id == mine.id).values(sealed_secret=theirs.sealed_secret)
        await connection.execute(moved)
    with pytest.raises(WrongKeyError):
        await room.auth.credentials(mine.id)


def test_a_pair_does_not_show_its_secret() -> None:
    """What might reach a log names the key's beginning alone."""
    assert "secret" not in repr(KeyPair("k" * 86, "secret"))
