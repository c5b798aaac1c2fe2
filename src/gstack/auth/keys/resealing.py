"""Sealing again: every secret of the database under the key that seals now, while servers go on.

Whatever lies in a binary column is sealed, and nothing else is. A row that a server changed meanwhile is left alone: it
sealed with the newer key itself.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import structlog
from sqlalchemy import Column, LargeBinary, Table, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.keys.sealing import FILE, VARIABLE, Seal, WrongKeyError
from gstack.db.engine import reading, writing
from gstack.db.tables import metadata

_log = structlog.get_logger("gstack.auth.resealing")
_CHUNK = 200  # rows of one transaction: who writes meanwhile waits for no more than that


class Outcome(msgspec.Struct):
    """What one pass did: secrets looked at, sealed again, and those that no key opens."""

    seen: int = 0
    changed: int = 0
    unreadable: int = 0


def sealed_columns() -> Iterator[tuple[Table, Column[bytes]]]:
    """Every column that holds secrets."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                yield table, column


async def reseal(engine: AsyncEngine, seal: Seal, *, dry: bool = False) -> Outcome:
    """Seal again what an older key sealed; with `dry` only look."""
    outcome = Outcome()
    for table, column in sealed_columns():
        await _column(engine, seal, table, column, outcome, dry=dry)
    return outcome


async def check(engine: AsyncEngine, seal: Seal) -> None:
    """Raise WrongKeyError where the database has secrets and none of them opens: the key is another database's."""
    found = await reseal(engine, seal, dry=True)
    if found.seen and found.unreadable == found.seen:
        raise WrongKeyError(
            f"The sealing key ({VARIABLE} or {FILE} in GSTACK_HOME) opens none of the {found.seen} secrets in the "
            "database. Put back the key that sealed them; where it is lost, begin with another database and new keys."
        )
    if found.unreadable:
        _log.warning("secrets that no key opens", unreadable=found.unreadable, of=found.seen)


async def _column(
    engine: AsyncEngine, seal: Seal, table: Table, column: Column[bytes], outcome: Outcome, *, dry: bool
) -> None:
    key = list(table.primary_key.columns)
    query = select(*key, column).where(column.is_not(None)).order_by(*key).limit(_CHUNK)
    last: tuple[Any, ...] | None = None
    while True:
        page = query if last is None else query.where(tuple_(*key) > last)
        async with reading(engine) as connection:
            rows = [tuple(row) for row in await connection.execute(page)]
        if not rows:
            return
        last = rows[-1][:-1]
        outcome.seen += len(rows)
        fresh = [(row, again) for row in rows if (again := _again(seal, row[-1], outcome))]
        if not dry and fresh:
            outcome.changed += await _written(engine, table, column, fresh)


def _again(seal: Seal, sealed: bytes, outcome: Outcome) -> bytes | None:
    if seal.is_current(sealed):
        return None
    try:
        return seal.seal_again(sealed)
    except WrongKeyError:
        outcome.unreadable += 1
        return None


async def _written(
    engine: AsyncEngine, table: Table, column: Column[bytes], fresh: list[tuple[tuple[Any, ...], bytes]]
) -> int:
    key, changed = list(table.primary_key.columns), 0
    async with writing(engine) as connection:
        for row, again in fresh:
            same = [part == value for part, value in zip([*key, column], row, strict=True)]
            changed += (await connection.execute(update(table).where(*same).values({column: again}))).rowcount
    return changed
