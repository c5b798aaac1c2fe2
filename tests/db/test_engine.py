"""The engine and the migrations, on SQLite and on PostgreSQL."""

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import IDLE, DatabaseUnavailable, create_engine, migrate, reading, writing
from gstack.db.sidecar import Sidecar
from gstack.db.tables import ids

_WRITERS = """
import asyncio, sys
from sqlalchemy import insert
from gstack.db.engine import create_engine, migrate, writing
from gstack.db.tables import ids

async def write(engine, number):
    async with writing(engine) as connection:
        await connection.execute(insert(ids).values(gce_id=sys.argv[2] + "-" + str(number), uuid="u"))

async def main():
    engine = create_engine(sys.argv[1])
    await migrate(engine)
    await asyncio.gather(*(write(engine, number) for number in range(40)))
    await engine.dispose()

asyncio.run(main())
"""


async def _counted(engine: AsyncEngine) -> int:
    async with reading(engine) as connection:
        return (await connection.execute(select(func.count()).select_from(ids))).scalar_one()


async def test_a_newer_database_is_refused(engine: AsyncEngine) -> None:
    """A database of a later version is not touched, and the text says why."""
    async with writing(engine) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RuntimeError, match="newer gstack"):
        await migrate(engine)


async def test_processes_that_start_at_once_migrate_and_write_together(database_url: str) -> None:
    """Four processes on a database that does not exist yet: one migrates, all write, nothing is refused or lost."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WRITERS, database_url, str(number), stderr=asyncio.subprocess.PIPE
        )
        for number in range(4)
    ]
    outcomes = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * 4, outcomes
    engine = create_engine(database_url)
    assert await _counted(engine) == 160
    await engine.dispose()


async def test_many_writers_in_one_process_wait_for_their_turn(engine: AsyncEngine) -> None:
    """Two hundred transactions at once all end, each whole."""

    async def write(number: int) -> None:
        async with writing(engine) as connection:
            await connection.execute(insert(ids).values(gce_id=f"a{number}", uuid="u"))
            await asyncio.sleep(0)
            await connection.execute(insert(ids).values(gce_id=f"b{number}", uuid="u"))

    await asyncio.gather(*(write(number) for number in range(200)))
    assert await _counted(engine) == 400


async def test_a_paused_process_keeps_no_locks(engine: AsyncEngine) -> None:
    """PostgreSQL is told to end transactions in which nothing happens; SQLite has no such thing."""
    if engine.dialect.name != "postgresql":
        pytest.skip("of PostgreSQL alone")
    async with reading(engine) as connection:
        shown = (await connection.execute(text("SHOW idle_in_transaction_session_timeout"))).scalar()
    assert shown == f"{IDLE:.0f}s"


async def test_a_failed_transaction_leaves_nothing(engine: AsyncEngine) -> None:
    """An exception inside `writing` takes back what was written there, and the next writer gets its turn."""

    async def fail() -> None:
        async with writing(engine) as connection:
            await connection.execute(insert(ids).values(gce_id="1", uuid="u"))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _counted(engine) == 0
    async with writing(engine) as connection:
        await connection.execute(insert(ids).values(gce_id="1", uuid="u"))
    assert await _counted(engine) == 1


async def test_a_reader_does_not_wait_for_a_writer(engine: AsyncEngine) -> None:
    """While a transaction is open, a read answers at once with what was there before."""
    async with writing(engine) as connection:
        await connection.execute(insert(ids).values(gce_id="1", uuid="u"))
        assert await asyncio.wait_for(_counted(engine), 2) == 0
    assert await _counted(engine) == 1


async def test_a_new_sqlite_file_is_private(tmp_path: Path) -> None:
    """Nobody else on the machine can read the database, whatever the umask."""
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")
    await migrate(engine)
    async with reading(engine) as connection:
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == 2
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
    assert _modes(tmp_path) == {0o600}
    await engine.dispose()


def _modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.glob("new.db*")}


def test_other_databases_are_refused_by_name() -> None:
    """A URL of another kind says what is supported."""
    with pytest.raises(ValueError, match=r"mysql.* use sqlite\+aiosqlite or postgresql\+psycopg"):
        create_engine("mysql://localhost/x")


async def test_a_database_out_of_reach_is_503() -> None:
    """Reads and writes of a database that cannot be reached raise an error that clients may wait for."""
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    for opened in (reading, writing):
        with pytest.raises(DatabaseUnavailable) as refused:
            async with opened(engine) as connection:
                await connection.execute(text("SELECT 1"))
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "5")
        assert "database" in refused.value.message
    await engine.dispose()


async def test_reads_go_on_when_the_disk_is_full(tmp_path: Path) -> None:
    """A full database takes no writes, and still answers reads; ids are stored when there is room again."""
    url = f"sqlite+aiosqlite:///{tmp_path}/full.db"
    engine = create_engine(url)
    await migrate(engine)
    await engine.dispose()
    full = create_engine(url)
    event.listen(full.sync_engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count=1"))
    many = [f"uuid-{number}" for number in range(2000)]
    with pytest.raises(DatabaseUnavailable, match="database"):
        async with writing(full) as connection:
            await connection.execute(insert(ids), [{"gce_id": one, "uuid": one} for one in many])
    await Sidecar(full).remember_ids(many)
    assert await _counted(full) == 0
    await full.dispose()
    roomy = create_engine(url)
    await Sidecar(roomy).remember_ids(many)
    assert await _counted(roomy) == len(many)
    await roomy.dispose()
