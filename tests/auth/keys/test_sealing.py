"""gstack.auth.keys.sealing: secrets at rest, and their key."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.keys.sealing import (
    FILE,
    VARIABLE,
    Seal,
    WrongKeyError,
    check,
    create_once,
    load_seal,
    reseal,
    sealed_columns,
)
from gstack.auth.store import now
from gstack.db.engine import reading, writing
from gstack.db.tables import signing_keys


def test_a_sealed_text_opens_and_does_not_show(tmp_path: Path) -> None:
    """A sealed text can be opened, and its sealed form does not show it."""
    seal = load_seal(tmp_path, {})
    sealed = seal.seal("secret")
    assert b"secret" not in sealed
    assert load_seal(tmp_path, {}).open(sealed) == "secret"


def test_the_key_file_is_private(tmp_path: Path) -> None:
    """The key file is created with mode 0600, in a folder with mode 0700."""
    load_seal(tmp_path / "home", {})
    assert (tmp_path / "home" / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_the_variable_wins_and_leaves_no_file(tmp_path: Path) -> None:
    """With GSTACK_SECRET_KEY no file is written."""
    key = Fernet.generate_key().decode()
    sealed = load_seal(tmp_path, {VARIABLE: key}).seal("secret")
    assert Seal([key]).open(sealed) == "secret"
    assert not list(tmp_path.iterdir())


def test_keys_are_replaced_by_a_new_one_in_front(tmp_path: Path) -> None:
    """The first key seals and all open; what is sealed again opens without the old key."""
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    sealed = Seal([old]).seal("secret")
    both = load_seal(tmp_path, {VARIABLE: f"{new}, {old}"})
    assert both.open(sealed) == "secret"
    assert Seal([new]).open(both.seal_again(sealed)) == "secret"


@pytest.mark.parametrize("key", ["short", "x" * 44, ","])
def test_what_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    """A malformed key is refused with the way to make one."""
    with pytest.raises(WrongKeyError, match="openssl"):
        load_seal(tmp_path, {VARIABLE: key})


def test_another_key_opens_nothing() -> None:
    """A wrong key and a changed text raise WrongKeyError."""
    one, other = (Seal([Fernet.generate_key().decode()]) for _ in range(2))
    sealed = one.seal("secret")
    with pytest.raises(WrongKeyError):
        other.open(sealed)
    with pytest.raises(WrongKeyError):
        one.open(sealed[:-4] + b"AAA=")


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    """Processes that create the file at once all read the same content and leave no drafts."""
    with ThreadPoolExecutor(16) as pool:
        read = list(pool.map(lambda number: create_once(tmp_path / "key", lambda: b"%d" % number), range(64)))
    assert len(set(read)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


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
    """All rows are sealed again with the same texts, and a second pass changes nothing."""
    outcome = await reseal(filled, Seal([NEW, OLD]))
    assert (outcome.seen, outcome.changed, outcome.unreadable) == (500, 500, 0)
    assert await secrets(filled, Seal([NEW])) == [f"secret {number}" for number in range(500)]
    assert (await reseal(filled, Seal([NEW, OLD]))).changed == 0


async def test_a_look_changes_nothing(filled: AsyncEngine) -> None:
    """`dry` counts what does not open and changes nothing."""
    outcome = await reseal(filled, Seal([LOST]), dry=True)
    assert (outcome.seen, outcome.changed, outcome.unreadable) == (500, 0, 500)
    assert len(await secrets(filled, Seal([OLD]))) == 500


async def test_what_no_key_opens_stays(filled: AsyncEngine) -> None:
    """A row under a lost key is counted and left alone, and does not stop the pass."""
    async with writing(filled) as connection:
        lost = Seal([LOST]).seal("lost")
        await connection.execute(update(signing_keys).where(signing_keys.c.id == "k007").values(sealed_key=lost))
    outcome = await reseal(filled, Seal([NEW, OLD]))
    assert (outcome.changed, outcome.unreadable) == (499, 1)


def test_every_binary_column_is_sealed() -> None:
    """These are all columns with secrets; a new one must be added here."""
    assert {f"{table.name}.{column.name}" for table, column in sealed_columns()} == {
        "credentials.sealed_secret",
        "signing_keys.sealed_key",
        "browsers.pending",
    }


async def test_a_key_that_opens_nothing_is_another_database_s(filled: AsyncEngine) -> None:
    """A key that opens nothing is refused with what to do; a key that opens some secrets is accepted."""
    with pytest.raises(WrongKeyError, match="none of the 500 secrets"):
        await check(filled, Seal([LOST]))
    await check(filled, Seal([NEW, OLD]))
    async with writing(filled) as connection:
        first = update(signing_keys).where(signing_keys.c.id == "k000")
        await connection.execute(first.values(sealed_key=Seal([LOST]).seal("lost")))
    await check(filled, Seal([OLD]))
