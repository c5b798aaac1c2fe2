"""Signals: a word that every process on one database hears at once, without reading the database.

On SQLite all processes are on one machine: a file beside the database grows by a byte, and its size is looked at. On
PostgreSQL a connection listens (LISTEN, NOTIFY); where it breaks it is made anew, and what was said meanwhile counts
as said. So nothing may rest on a signal alone: who uses it keeps a time limit besides.
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

_PAUSE = 1.0  # seconds before a broken connection is made anew
_log = structlog.get_logger("gstack.signals")


class Signal:
    """One signal. `state` changes when it was given, here or elsewhere; `name` is a plain word."""

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        self._engine = engine
        self._name = f"gstack_{name}"
        self._file = _beside(engine, name)
        self._heard = 0
        self._listener: asyncio.Task[None] | None = None

    @property
    def state(self) -> tuple[int, int]:
        """What to compare with an earlier state. It costs a look at a file at most."""
        return (self._heard, _size(self._file))

    async def give(self) -> None:
        """Give the signal. A database or disk that does not take it is logged: others have their time limit."""
        self._heard += 1
        try:
            await self._give()
        except Exception as error:
            if not lost_connection(error):
                raise
            _log.warning("signal not given", signal=self._name, why=str(error))

    async def _give(self) -> None:
        if self._file:
            _grow(self._file)
        elif self._engine.dialect.name == "postgresql":
            async with writing(self._engine) as connection:
                await connection.execute(text("SELECT pg_notify(:name, '')"), {"name": self._name})

    def listen(self) -> None:
        """Begin to hear what other processes say; needs a running event loop."""
        if self._engine.dialect.name == "postgresql" and self._listener is None:
            self._listener = asyncio.create_task(self._listening())

    async def stop(self) -> None:
        """Hear no more."""
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
                _log.warning("signals not heard", signal=self._name, why=str(error))
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
