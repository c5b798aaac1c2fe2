"""The database connection: SQLite in WAL mode by default, PostgreSQL for several replicas, used in the same way.

Write with `async with writing(engine) as connection`, read with `async with reading(engine) as connection`.
A commit is on disk when `writing` ends: SQLite runs with `synchronous=FULL`, PostgreSQL as its server is configured.

SQLite allows one writer at a time. Writers of one process queue in order of arrival. Between processes,
`BEGIN IMMEDIATE` takes the file's write lock at the start, so no transaction is refused halfway.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gstack.db.tables import SCHEMA
from gstack.errors import ApiError

BUSY = 30.0  # seconds to wait for another process's write transaction
IDLE = 15.0  # seconds after which PostgreSQL ends a transaction in which nothing happens
_QUEUE, _READING = "gstack_writers", "gstack_reading"  # execution options of ours
_RETRY_AFTER = "5"  # seconds
_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeoutError)
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6773746163  # our advisory lock in a PostgreSQL database; any number that nothing else uses
_WAL_TRIES, _WAL_PAUSE = 100, 0.05
_JSON: dict[str, Any] = {
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
    "json_deserializer": msgspec.json.decode,
}
_PRAGMAS = ("PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA temp_store=MEMORY")


class DatabaseError(Exception):
    """The database cannot be used as it is set up. The text tells the operator why."""


class DatabaseUnavailable(ApiError):  # noqa: N818  # like silence of CloudStack: not an error of the request
    """The database does not answer, is full or read-only. 503 with Retry-After; the database's own words are logged."""

    def __init__(self, error: Exception) -> None:
        message = "The database behind this server does not answer. Try again later, or ask the server's operator."
        self.reason_of_database = (str(error.orig) if isinstance(error, DBAPIError) else str(error)).strip()
        super().__init__(
            503,
            "backendError",
            message,
            code="INTERNAL_ERROR",
            internal=f"database: {self.reason_of_database}",
            headers={"Retry-After": _RETRY_AFTER},
        )


async def prepared(url: str) -> AsyncEngine:
    """Create the engine of a database and migrate the database to the newest schema. Raises DatabaseError."""
    try:
        engine = create_engine(url)
    except (ValueError, ArgumentError, OSError) as error:
        raise DatabaseError(f"The setting `database` (GSTACK_DATABASE) is wrong: {error}") from error
    try:
        await migrate(engine)
    except (RuntimeError, DatabaseUnavailable, DBAPIError, OSError) as error:
        await engine.dispose()
        reason: object = error.orig if isinstance(error, DBAPIError) else error  # without the statement
        if isinstance(error, DatabaseUnavailable):
            reason = error.reason_of_database
        raise DatabaseError(f"The database cannot be used: {reason}") from error
    return engine


def create_engine(url: str) -> AsyncEngine:
    """Create the engine of a SQLAlchemy URL: `sqlite+aiosqlite:///file` or `postgresql+psycopg://…`.

    Raises ValueError for any other kind of database.
    """
    parsed = make_url(url)
    if parsed.drivername == "sqlite+aiosqlite":
        return _sqlite(parsed)
    if parsed.drivername == "postgresql+psycopg":
        return _postgresql(parsed)
    raise ValueError(f"database {parsed.drivername!r} is not supported: use sqlite+aiosqlite or postgresql+psycopg")


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction for writing. It commits at the end and rolls back on an exception. Never nest two.

    Raises DatabaseUnavailable where the database cannot be reached or written.
    """
    queue: asyncio.Lock | None = engine.get_execution_options().get(_QUEUE)
    async with queue or nullcontext():
        try:
            async with engine.begin() as connection:
                yield connection
        except _UNAVAILABLE as error:
            if _is_wrong_statement(error):
                raise
            raise DatabaseUnavailable(error) from error


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection for reads. Each statement stands by itself and never waits for writers.

    Raises DatabaseUnavailable where the database cannot be reached or read.
    """
    options: dict[str, Any] = {_READING: True}
    if engine.dialect.name != "sqlite":  # on SQLite, `_on_begin` skips the transaction, which costs nothing
        options["isolation_level"] = "AUTOCOMMIT"
    try:
        async with engine.connect() as connection:
            yield await connection.execution_options(**options)
    except _UNAVAILABLE as error:
        if _is_wrong_statement(error):
            raise
        raise DatabaseUnavailable(error) from error


def _is_wrong_statement(error: Exception) -> bool:
    """Whether the statement is at fault: SQLite raises the same class for an unknown table as for a full disk."""
    return isinstance(error, DBAPIError) and "no such" in str(error.orig)


async def migrate(engine: AsyncEngine) -> None:
    """Migrate the database to the newest schema. When several processes start at once, one of them does it.

    Raises RuntimeError when a newer gstack has used this database.
    """
    async with reading(engine) as connection:
        if await _revision(connection) == SCHEMA:
            return
    async with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        await connection.run_sync(_upgrade)


def lost_connection(error: BaseException) -> bool:
    """Whether the error means that the database is out of reach, so that a write may or may not have happened."""
    return isinstance(error, (DatabaseUnavailable, DBAPIError, OSError, TimeoutError))


async def _revision(connection: AsyncConnection) -> str | None:
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return None
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()


def _upgrade(connection: Connection) -> None:
    # Imported late: most starts need no migration, and Alembic is slow to import.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise RuntimeError(f"the database was written by a newer gstack: {error}") from error


def _sqlite(url: URL) -> AsyncEngine:
    if url.database and url.database != ":memory:" and not Path(url.database).exists():
        # Readable by nobody else. SQLite gives the same mode to the files that it puts beside it.
        os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_async_engine(
        url, connect_args={"timeout": BUSY}, execution_options={_QUEUE: asyncio.Lock()}, **_JSON
    )
    event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _postgresql(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True, **_JSON)
    event.listen(engine.sync_engine, "connect", _on_postgresql_connect)
    return engine


def _on_postgresql_connect(connection: DBAPIConnection, _record: object) -> None:
    """Limit idle transactions: a process that is paused inside one must not lock out the others."""
    cursor = connection.cursor()
    cursor.execute(f"SET SESSION idle_in_transaction_session_timeout = '{IDLE:.0f}s'")
    connection.commit()
    cursor.close()


def _on_sqlite_connect(connection: DBAPIConnection, _record: object) -> None:
    """Prepare a new SQLite connection. `_on_begin` begins the transactions, so the driver must not."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for _ in range(_WAL_TRIES):
        if _switched_to_wal(cursor):
            break
        time.sleep(_WAL_PAUSE)  # happens only while another process creates the same file
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _switched_to_wal(cursor: Any) -> bool:
    """Switch to WAL; False if another process has the lock. SQLite's busy timeout does not cover this switch."""
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
        return cursor.fetchone()[0] in {"wal", "memory"}
    except Exception as error:  # the adapter wraps sqlite3.OperationalError in its own class
        if "locked" not in str(error):
            raise
        return False


def _on_begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READING):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
