"""gstack.auth.keys.resealing: every secret under the first key, on SQLite and on PostgreSQL."""

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.keys.resealing import check, reseal, sealed_columns
from gstack.auth.keys.sealing import Seal, WrongKeyError
from gstack.auth.store import now
from gstack.db.engine import reading, writing
from gstack.db.tables import signing_keys

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
async def filled(engine: AsyncEngine) -> AsyncEngine:
    """A database with five hundred secrets under the old key."""
    seal, moment = Seal([OLD]), now()
    rows = [{"id": f"k{n:03}", "sealed_key": seal.seal(f"secret {n}"), "created": moment} for n in range(500)]
    async with writing(engine) as connection:
        await connection.execute(insert(signing_keys), rows)
    return engine


async def secrets(engine: AsyncEngine, seal: Seal) -> list[str]:
    query = select(signing_keys.c.sealed_key).order_by(signing_keys.c.id)
    async with reading(engine) as connection:
        return [seal.open(sealed) for sealed in (await connection.execute(query)).scalars()]


async def test_afterwards_the_new_key_alone_opens_everything(filled: AsyncEngine) -> None:
    """All rows are sealed again, their texts as before; a second pass finds nothing to do."""
    outcome = await reseal(filled, Seal([NEW, OLD]))
    assert (outcome.seen, outcome.changed, outcome.unreadable) == (500, 500, 0)
    assert await secrets(filled, Seal([NEW])) == [f"secret {number}" for number in range(500)]
    assert (await reseal(filled, Seal([NEW, OLD]))).changed == 0


async def test_a_look_changes_nothing(filled: AsyncEngine) -> None:
    """`dry` counts what does not open and leaves every row."""
    outcome = await reseal(filled, Seal([LOST]), dry=True)
    assert (outcome.seen, outcome.changed, outcome.unreadable) == (500, 0, 500)
    assert len(await secrets(filled, Seal([OLD]))) == 500


async def test_what_no_key_opens_stays(filled: AsyncEngine) -> None:
    """A row under a lost key is counted, left as it is, and stops nobody."""
    async with writing(filled) as connection:
        lost = Seal([LOST]).seal("lost")
        await connection.execute(update(signing_keys).where(signing_keys.c.id == "k007").values(sealed_key=lost))
    outcome = await reseal(filled, Seal([NEW, OLD]))
    assert (outcome.changed, outcome.unreadable) == (499, 1)


def test_every_binary_column_is_sealed() -> None:
    """A table with a secret that rotation would not know cannot be added unseen."""
    assert {f"{table.name}.{column.name}" for table, column in sealed_columns()} == {
        "credentials.sealed_secret",
        "signing_keys.sealed_key",
        "browsers.pending",
    }


async def test_a_key_that_opens_nothing_is_another_database_s(filled: AsyncEngine) -> None:
    """It is told with what to do; a key that opens some serves those."""
    with pytest.raises(WrongKeyError, match="none of the 500 secrets"):
        await check(filled, Seal([LOST]))
    await check(filled, Seal([NEW, OLD]))
    async with writing(filled) as connection:
        first = update(signing_keys).where(signing_keys.c.id == "k000")
        await connection.execute(first.values(sealed_key=Seal([LOST]).seal("lost")))
    await check(filled, Seal([OLD]))
