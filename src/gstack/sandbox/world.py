"""The state of a sandbox: objects by kind and uuid, in memory, written through to one SQLite file.

An object is a dict of JSON values with an `id`. Treat what you get as read-only: change it with `update`, which
stores a new dict, so that a failed transaction can put the old one back. Objects keep their order of insertion.
"""

from __future__ import annotations

import fcntl
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

Row = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
  position INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (kind, id));
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


def new_id() -> str:
    return str(uuid.uuid4())


def now() -> str:
    """Return this moment as CloudStack writes it: `2026-01-31T12:00:00+0000`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _lock(database: str) -> IO[str] | None:
    """Lock the database for this process: two processes would not see each other's changes."""
    if database == ":memory:":
        return None
    file = Path(f"{database}.lock").open("w")  # noqa: SIM115  # held as long as the world
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise OSError(f"another sandbox runs on {database}") from error
    return file


class World:
    """Objects by kind and uuid. Not for use by several threads at once."""

    def __init__(self, database: str = ":memory:") -> None:
        self._lock = _lock(database)
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._objects: dict[str, dict[str, Row]] = {}
        self._kind_of: dict[str, str] = {}
        self._indexes: dict[tuple[str, str], dict[Any, dict[str, None]]] = {}
        self._counters: dict[str, int] = {}
        self._undo: list[tuple[str, str, Row | None]] = []
        self._depth = 0
        self._load()

    def close(self) -> None:
        self._connection.close()
        if self._lock:
            self._lock.close()

    def get(self, kind: str, identity: str | None) -> Row | None:
        return self._objects.get(kind, {}).get(identity) if identity else None

    def one(self, kind: str, identity: str) -> Row:
        """Return an object that must exist; a missing one is a fault of the sandbox (KeyError)."""
        return self._objects[kind][identity]

    def all(self, kind: str) -> list[Row]:
        return list(self._objects.get(kind, {}).values())

    def count(self, kind: str) -> int:
        return len(self._objects.get(kind, {}))

    def oldest(self, kind: str) -> str:
        """Return the id of the object of `kind` that was stored first."""
        return next(iter(self._objects[kind]))

    def find(self, kind: str, **equals: Any) -> list[Row]:
        """Return the objects of `kind` whose fields equal the given values, by an index on the first one."""
        if not equals:
            return self.all(kind)
        first, *rest = equals.items()
        rows = self._by(kind, *first)
        return [row for row in rows if all(row.get(field) == value for field, value in rest)]

    def first(self, kind: str, **equals: Any) -> Row | None:
        return next(iter(self.find(kind, **equals)), None)

    def kind_of(self, identity: str) -> str | None:
        """Return the kind of the object with this uuid, whatever it is."""
        return self._kind_of.get(identity)

    def put(self, kind: str, row: Row) -> Row:
        """Store a new object, or the new form of an existing one; give it an `id` if it has none."""
        row.setdefault("id", new_id())
        old = self._objects.get(kind, {}).get(row["id"])
        self._undo.append((kind, row["id"], old))
        self._store(kind, row["id"], row)
        self._settle()
        return row

    def update(self, kind: str, identity: str, **changes: Any) -> Row:
        """Change fields of an object and return its new form; a field set to None is removed."""
        row = {**self.one(kind, identity), **changes}
        return self.put(kind, {field: value for field, value in row.items() if value is not None})

    def delete(self, kind: str, identity: str) -> None:
        old = self._objects.get(kind, {}).get(identity)
        if old is None:
            return
        self._undo.append((kind, identity, old))
        self._store(kind, identity, None)
        self._settle()

    def next_number(self, name: str) -> int:
        """Return the next number of a counter, from 1: CloudStack's row ids, seen in names such as ROOT-54."""
        self._counters[name] = self._counters.get(name, 0) + 1
        self._connection.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, self._counters[name]),
        )
        return self._counters[name]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all changes made inside, or none if it raises. May be nested; the outermost one decides."""
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            self._roll_back()
            raise
        self._depth -= 1
        self._settle()

    def _by(self, kind: str, field: str, value: Any) -> list[Row]:
        if field == "id":
            row = self.get(kind, value)
            return [row] if row else []
        index = self._indexes.get((kind, field))
        if index is None:
            index = self._build_index(kind, field)
        objects = self._objects.get(kind, {})
        return [objects[identity] for identity in index.get(value, ())]

    def _build_index(self, kind: str, field: str) -> dict[Any, dict[str, None]]:
        index: dict[Any, dict[str, None]] = {}
        for identity, row in self._objects.get(kind, {}).items():
            index.setdefault(row.get(field), {})[identity] = None
        self._indexes[kind, field] = index
        return index

    def _store(self, kind: str, identity: str, row: Row | None) -> None:
        objects = self._objects.setdefault(kind, {})
        old = objects.get(identity)
        if row is None:
            objects.pop(identity, None)
            self._kind_of.pop(identity, None)
        else:
            objects[identity] = row
            self._kind_of[identity] = kind
        for (of_kind, field), index in self._indexes.items():
            if of_kind == kind:
                _move(index, identity, old, row, field)

    def _settle(self) -> None:
        if self._depth:
            return
        changes, self._undo = self._undo, []
        with self._written():
            for kind, identity in dict.fromkeys((kind, identity) for kind, identity, _ in changes):
                self._write(kind, identity)

    @contextmanager
    def _written(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _write(self, kind: str, identity: str) -> None:
        row = self.get(kind, identity)
        if row is None:
            self._connection.execute("DELETE FROM object WHERE kind = ? AND id = ?", (kind, identity))
            return
        self._connection.execute(
            "INSERT INTO object (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, identity, msgspec.json.encode(row)),
        )

    def _roll_back(self) -> None:
        while self._undo and not self._depth:
            self._store(*self._undo.pop())

    def _load(self) -> None:
        for kind, identity, body in self._connection.execute("SELECT kind, id, body FROM object ORDER BY position"):
            self._store(kind, identity, msgspec.json.decode(body))
        self._counters = dict(self._connection.execute("SELECT name, value FROM counter"))


def _move(index: dict[Any, dict[str, None]], identity: str, old: Row | None, new: Row | None, field: str) -> None:
    before, after = (old.get(field) if old else None), (new.get(field) if new else None)
    if old is not None and (new is None or before != after):
        index.get(before, {}).pop(identity, None)
    if new is not None and (old is None or before != after):
        index.setdefault(after, {})[identity] = None
