"""The sidecar: facts that Google's resources have and CloudStack has no place for.

It has a row per CloudStack object, keyed by CloudStack's uuid, and objects that only Google knows, keyed by owner,
collection, scope and name. `owner` is the uuid of the CloudStack account or project that the object belongs to.
CloudStack stays the truth: whoever finds that an object is gone drops its row.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import Row, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gstack.db.engine import DatabaseUnavailable, reading, writing
from gstack.db.tables import facts as fact_rows
from gstack.db.tables import ids as id_rows
from gstack.db.tables import objects as object_rows
from gstack.ids import gce_id

_log = structlog.get_logger("gstack.sidecar")
_CHUNK = 500  # values in one statement: SQLite takes 32,766 bound parameters, PostgreSQL 65,535
_REMEMBERED = 50_000  # ids that this process wrote and need not write again


class Sidecar:
    """Access to the sidecar's tables, on SQLite and PostgreSQL. Every write may be repeated."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self._remembered: OrderedDict[str, None] = OrderedDict()

    async def facts(self, uuids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the facts of these CloudStack uuids. A uuid without facts is left out."""
        found: dict[str, dict[str, Any]] = {}
        unread = iter(dict.fromkeys(uuids))
        while chunk := list(islice(unread, _CHUNK)):
            query = select(fact_rows.c.uuid, fact_rows.c.facts).where(fact_rows.c.uuid.in_(chunk))
            found |= {row.uuid: row.facts for row in await self._rows(query)}
        return found

    async def named(self, owner: str, kind: str, name: str) -> str | None:
        """Return the CloudStack uuid of the object of this kind whose fact `name` has this value, or None."""
        columns = fact_rows.c
        query = select(columns.uuid).where(columns.owner == owner, columns.kind == kind, columns.name == name)
        rows = await self._rows(query.order_by(columns.uuid).limit(1))
        return rows[0].uuid if rows else None

    async def keep(self, uuid: str, owner: str, kind: str, facts: Mapping[str, Any]) -> None:
        """Merge facts into the row of a CloudStack object. None removes a fact."""
        async with writing(self._engine) as connection:
            await self._lock(connection, uuid)
            query = select(fact_rows.c.facts).where(fact_rows.c.uuid == uuid)
            stored = (await connection.execute(query)).scalar() or {}
            merged = {name: value for name, value in {**stored, **facts}.items() if value is not None}
            row = {"owner": owner, "kind": kind, "name": merged.get("name"), "facts": merged}
            statement = self._insert(fact_rows).values(uuid=uuid, **row)
            await connection.execute(statement.on_conflict_do_update(index_elements=["uuid"], set_=row))

    async def drop(self, uuid: str) -> None:
        """Delete the row of a CloudStack object."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(fact_rows).where(fact_rows.c.uuid == uuid))

    async def objects(self, owner: str, collection: str, scope: str | None = None) -> list[dict[str, Any]]:
        """Return the GCE-only objects of a collection, ordered by name. `scope` None means all scopes."""
        columns = object_rows.c
        query = select(columns.body).where(columns.owner == owner, columns.collection == collection)
        if scope is not None:
            query = query.where(columns.scope == scope)
        return [row.body for row in await self._rows(query.order_by(columns.name, columns.scope))]

    async def object(self, owner: str, collection: str, scope: str, name: str) -> dict[str, Any] | None:
        """Return one GCE-only object, or None."""
        query = select(object_rows.c.body).where(*_this_object(owner, collection, scope, name))
        rows = await self._rows(query)
        return rows[0].body if rows else None

    async def put_object(self, owner: str, collection: str, scope: str, name: str, body: Mapping[str, Any]) -> None:
        """Create or replace a GCE-only object."""
        key = {"owner": owner, "collection": collection, "scope": scope, "name": name}
        statement = self._insert(object_rows).values(**key, body=dict(body))
        async with writing(self._engine) as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=list(key), set_={"body": dict(body)})
            )

    async def drop_object(self, owner: str, collection: str, scope: str, name: str) -> None:
        """Delete a GCE-only object."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(object_rows).where(*_this_object(owner, collection, scope, name)))

    async def remember_ids(self, uuids: Iterable[str]) -> None:
        """Store the GCE ids of these CloudStack uuids, so that requests may name the objects by id.

        A uuid that this process has stored before costs nothing. Reads go on where the database takes no writes: then
        the ids are stored when the objects are shown next.
        """
        new = [uuid for uuid in dict.fromkeys(uuids) if uuid not in self._remembered]
        if not new:
            return
        rows = [{"gce_id": gce_id(uuid), "uuid": uuid} for uuid in new]
        try:
            async with writing(self._engine) as connection:
                for start in range(0, len(rows), _CHUNK):
                    statement = self._insert(id_rows).values(rows[start : start + _CHUNK])
                    await connection.execute(statement.on_conflict_do_nothing())
        except DatabaseUnavailable as unavailable:
            _log.warning("ids not stored", why=unavailable.internal)
            return
        self._remembered.update(dict.fromkeys(new))
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    async def uuid_of(self, gce_id: str) -> str | None:
        """Return the CloudStack uuid that `remember_ids` stored for a GCE id, or None."""
        rows = await self._rows(select(id_rows.c.uuid).where(id_rows.c.gce_id == gce_id))
        return rows[0].uuid if rows else None

    async def _rows(self, query: Any) -> list[Row[Any]]:
        async with reading(self._engine) as connection:
            return list((await connection.execute(query)).all())

    async def _lock(self, connection: AsyncConnection, uuid: str) -> None:
        """Lock a row for this transaction, so that two merges cannot overlap. SQLite has one writer anyway."""
        if self._engine.dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:uuid, 0))")
            await connection.execute(lock, {"uuid": uuid})


def _this_object(owner: str, collection: str, scope: str, name: str) -> tuple[Any, ...]:
    columns = object_rows.c
    return (columns.owner == owner, columns.collection == collection, columns.scope == scope, columns.name == name)
