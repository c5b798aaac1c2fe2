"""Sealing: secrets are stored in the database only encrypted (Fernet: AES-128-CBC with HMAC-SHA256).

The key is in `GSTACK_SECRET_KEY`, or in the file `secret.key` in GSTACK_HOME, which is created on first use with mode
0600. Both contain one or more Fernet keys, separated by spaces, commas or line breaks: the first one seals, all of them
open. To replace a key, put a new one in front and seal everything again (`gstack rotate-key`). A running server reads
the file again if it has changed: before it seals, and when something does not open.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Column, LargeBinary, Table, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import reading, writing
from gstack.db.tables import metadata
from gstack.errors import Problem

VARIABLE = "GSTACK_SECRET_KEY"
FILE = "secret.key"
_CHUNK = 200  # rows in one transaction, so that other writers never wait long
_log = structlog.get_logger("gstack.auth.sealing")


class WrongKeyError(Problem):
    """500: the key does not open what is in the database, or is not a key. The operator must act."""

    def __init__(self, message: str) -> None:
        super().__init__(500, "backendError", message, code="INTERNAL_ERROR", internal=message)


class Seal:
    """Seals and opens short texts. Its `repr` shows no key. `file` is the key file, if it should be watched."""

    def __init__(self, keys: list[str], file: Path | None = None) -> None:
        self._file = file
        self._file_state = _state(file)
        self._use(keys)

    def _use(self, keys: list[str]) -> None:
        try:
            fernets = [Fernet(key) for key in keys]
            self._fernet, self._first = MultiFernet(fernets), fernets[0]
        except (ValueError, IndexError) as error:
            raise WrongKeyError(
                f"{VARIABLE} (or the file {FILE} in GSTACK_HOME) must hold 32 random bytes in url-safe base64. "
                "`openssl rand -base64 32 | tr '+/' '-_'` makes one."
            ) from error

    def _reload(self) -> bool:
        """Read the key file if it has changed; return whether it had."""
        state = _state(self._file)
        if self._file is None or state == self._file_state:
            return False
        self._use(split_keys(self._file.read_text()))
        self._file_state = state
        return True

    def seal(self, text: str) -> bytes:
        """Encrypt with the first key."""
        self._reload()
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt with whichever key fits. Raises WrongKeyError if none does."""
        try:
            try:
                return self._fernet.decrypt(sealed).decode()
            except InvalidToken:
                if not self._reload():
                    raise
                return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise WrongKeyError(f"The sealing key ({VARIABLE} or {FILE}) is not the one of this database.") from error

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether the first key sealed this."""
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def seal_again(self, sealed: bytes) -> bytes:
        """Open with any key and seal with the first one, as a change of keys does with every row."""
        return self.seal(self.open(sealed))


def _state(file: Path | None) -> tuple[int, int] | None:
    """Return what changes when the file is replaced."""
    if file is None:
        return None
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def load_seal(home: Path, environment: Mapping[str, str] = os.environ) -> Seal:
    """Return the seal of this installation. Creates the key file if neither it nor the variable exists."""
    if text := environment.get(VARIABLE, ""):
        return Seal(split_keys(text))
    path = home / FILE
    text = create_once(path, lambda: Fernet.generate_key() + b"\n").decode("ascii", "replace")
    return Seal(split_keys(text), path)


def split_keys(text: str) -> list[str]:
    """Return the keys in the variable or file; the first one seals."""
    return [key for key in re.split(r"[\s,]+", text) if key]


def replace_keys(path: Path, keys: list[str]) -> None:
    """Replace the key file. It contains either the old keys or the new ones, even if the machine stops meanwhile."""
    draft = _write_draft(path, "\n".join([*keys, ""]).encode())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def create_once(path: Path, create: Callable[[], bytes]) -> bytes:
    """Return the content of a private file (mode 0600); create the file if it is missing.

    The file appears whole or not at all: if two processes start together, one wins and both read its content.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _write_draft(path, create())
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_bytes()


def _write_draft(path: Path, content: bytes) -> Path:
    """Write a private file next to another one and sync it to disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


class Outcome(msgspec.Struct):
    """The result of one pass over the database: secrets seen, sealed again, and those that no key opens."""

    seen: int = 0
    changed: int = 0
    unreadable: int = 0


async def check(engine: AsyncEngine, seal: Seal) -> None:
    """Raise WrongKeyError if the database has secrets and none of them opens: the key is another database's."""
    outcome = await reseal(engine, seal, dry=True)
    if outcome.seen and outcome.unreadable == outcome.seen:
        raise WrongKeyError(
            f"The sealing key ({VARIABLE} or {FILE} in GSTACK_HOME) opens none of the {outcome.seen} secrets in the "
            "database. Put back the key that sealed them. If it is lost, start with an empty database and new keys."
        )
    if outcome.unreadable:
        _log.warning("secrets that no key opens", unreadable=outcome.unreadable, of=outcome.seen)


async def reseal(engine: AsyncEngine, seal: Seal, *, dry: bool = False) -> Outcome:
    """Seal everything in the database with the first key while servers go on; with `dry`, only look.

    A row that a server changes meanwhile is left alone: the server sealed it with the newer key itself.
    """
    outcome = Outcome()
    for table, column in sealed_columns():
        await _reseal_column(engine, seal, table, column, outcome, dry=dry)
    return outcome


def sealed_columns() -> Iterator[tuple[Table, Column[bytes]]]:
    """Yield every column that contains secrets: all binary columns do, and no others."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                yield table, column


async def _reseal_column(
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
        changes = []
        for row in rows:
            if seal.is_current(row[-1]):
                continue
            try:
                changes.append((row, seal.seal_again(row[-1])))
            except WrongKeyError:
                outcome.unreadable += 1
        if not dry and changes:
            async with writing(engine) as connection:
                for row, sealed in changes:
                    same = [part == value for part, value in zip([*key, column], row, strict=True)]
                    change = update(table).where(*same).values({column: sealed})
                    outcome.changed += (await connection.execute(change)).rowcount
