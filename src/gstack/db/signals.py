"""Signals: a process tells every process on the same database at once that something changed.

On SQLite, all processes are on one machine. A signal adds a byte to a file beside the database, and the others compare
the file's size. On PostgreSQL, a connection listens (LISTEN, NOTIFY). When it breaks, it is opened again, and this
counts as a signal because one may have been missed. Signals can be lost, so every user also needs a time limit.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import lost_connection, writing

_PAUSE = 1.0  # seconds before a broken connection is opened again
_log = structlog.get_logger("gstack.signals")


class Signal:
    """One signal. `state` changes after any process has sent it. `name` is a plain word."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self._name = f"gstack_{name}"
        self._file = _beside(engine, name)
        self._heard = 0
        self._listener: asyncio.Task[None] | None = None

    @property
    def state(self) -> tuple[int, int]:
        """A value to compare with an earlier one. Reading it costs one look at a file at most."""
        return (self._heard, _size(self._file))

    async def give(self) -> None:
        """Send the signal. A failure is only logged, since the others have their time limit."""
        self._heard += 1
        try:
            await self._give()
        except Exception as error:
            if not lost_connection(error):
                raise
            _log.warning("signal not sent", signal=self._name, why=str(error))

    async def _give(self) -> None:
        if self._file:
            _grow(self._file)
        elif self._engine.dialect.name == "postgresql":
            async with writing(self._engine) as connection:
                await connection.execute(text("SELECT pg_notify(:name, '')"), {"name": self._name})

    def listen(self) -> None:
        """Start to receive signals from other processes. Needs a running event loop."""
        if self._engine.dialect.name == "postgresql" and self._listener is None:
            self._listener = asyncio.create_task(self._listening())

    async def stop(self) -> None:
        """Stop receiving signals."""
        if self._listener:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener
            self._listener = None

    async def _listening(self) -> None:
        url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                await self._heard_from(url)
            except (psycopg.Error, OSError) as error:
                _log.warning("signals not received", signal=self._name, why=str(error))
            await asyncio.sleep(_PAUSE)

    async def _heard_from(self, url: str) -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(self._name)))
            self._heard += 1
            async for _ in connection.notifies():
                self._heard += 1


def _beside(engine: AsyncEngine, name: str) -> Path | None:
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    return Path(f"{database}-{name}")


def _size(file: Path | None) -> int:
    if file is None:
        return 0
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _grow(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, b".")
    finally:
        os.close(descriptor)
