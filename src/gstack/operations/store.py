"""All SQL of the journal. A row is written before anything is sent; only the holder of a row's lease may change it.

The lease is checked in the WHERE of every write, so a worker that lost it (it was paused, its clock jumped, its
database was away) cannot spoil the work of the one that took over: it gets `LeaseLost`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gstack.db.clock import database_clock
from gstack.db.engine import reading, writing
from gstack.db.tables import holds, operations, steps
from gstack.operations.model import DONE, Draft, Operation
from gstack.operations.rows import (
    ENDED,
    FAILED,
    STEP_COLUMNS,
    Record,
    Step,
    by_request,
    check_holds,
    is_called,
    new_row,
    repeated,
    shown,
    to_operation,
    to_record,
)

_CHUNK = 500  # old operations removed in one transaction


class LeaseLost(Exception):  # noqa: N818  # news, not an error
    """Another worker has this operation now: stop at once, write and send nothing more."""


class Store:
    """The journal's tables as one worker uses them. `worker` names it in leases of `lease` seconds.

    `cloud` stands for its CloudStack (config.Settings.cloud): servers of several clouds may share a database, and
    each takes over only operations of its own, and those from before clouds were noted. Lists need no such word:
    their rows are found by owner, who is somebody else on another cloud.
    """

    def __init__(self, engine: AsyncEngine, worker: str, lease: float, cloud: str = "") -> None:
        self._engine = engine
        self._worker = worker
        self._lease = lease
        self._cloud = cloud
        self._postgresql = engine.dialect.name == "postgresql"
        self._insert: Any = postgresql.insert if self._postgresql else sqlite.insert

    async def begin(self, draft: Draft) -> tuple[Record, bool]:
        """Write a new operation with its holds and our lease; True with it. Or return the one that was repeated.

        Raises the Problems of model.Draft, and 409 where `request_id` was used for something else.
        """
        async with writing(self._engine) as connection:
            await self._alone(connection, draft.owner)
            if known := await repeated(connection, draft):
                return known, False
            await check_holds(connection, draft)
            row = new_row(draft, self._cloud)
            leased = row | {"lease_owner": self._worker, "lease_until": database_clock() + self._lease}
            await connection.execute(insert(operations).values(leased))
            names = dict.fromkeys(draft.holds)
            if names:
                held = [{"owner": draft.owner, "name": name, "operation_id": row["id"]} for name in names]
                await connection.execute(insert(holds), held)
        return to_record(row), True

    async def seen(self, owner: str, method: str, request_id: str) -> Operation | None:
        """Return the operation that this requestId stands for."""
        rows = await self._rows(by_request(owner, method, request_id))
        return to_operation(rows[0]) if rows else None

    async def find(self, owner: str, scope: str, name_or_id: str) -> Operation | None:
        """Return one operation by name or decimal id."""
        columns = operations.c
        query = select(operations).where(columns.owner == owner, columns.scope == scope, is_called(name_or_id))
        rows = await self._rows(query)
        return to_operation(rows[0]) if rows else None

    async def page(
        self, owner: str, scope: str | None, *, limit: int, offset: int, newest_first: bool
    ) -> list[Operation]:
        """Return a page of operations, oldest first unless said otherwise."""
        columns = operations.c
        query = select(operations).where(columns.owner == owner)
        if scope is not None:
            query = query.where(columns.scope == scope)
        order = columns.id.desc() if newest_first else columns.id.asc()
        rows = await self._rows(query.order_by(order).limit(limit).offset(offset))
        return [to_operation(row) for row in rows]

    async def holder(self, owner: str, hold: str) -> Operation | None:
        """Return the unfinished operation that holds a name."""
        query = select(operations).join(holds).where(holds.c.owner == owner, holds.c.name == hold)
        rows = await self._rows(query)
        return to_operation(rows[0]) if rows else None

    async def delete(self, key: int) -> None:
        """Forget an operation that is DONE."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(operations).where(operations.c.id == key, operations.c.status == DONE))

    async def steps(self, key: int) -> dict[str, Step]:
        """Return what was recorded of an operation's steps."""
        rows = await self._rows(select(*STEP_COLUMNS).where(steps.c.operation_id == key))
        return {row["name"]: Step(**row) for row in rows}

    async def record(self, key: int, step: Step, operation: Operation | None = None) -> None:
        """Write a step as it is now, and with it what the operation shows. Raises LeaseLost."""
        ended = datetime.now(UTC) if step.state in {ENDED, FAILED} else None
        values = msgspec.structs.asdict(step) | {"operation_id": key, "ended": ended}
        changed = {name: value for name, value in values.items() if name not in {"operation_id", "name", "started"}}
        statement = self._insert(steps).values(values)
        async with writing(self._engine) as connection:
            await self._fenced(connection, key, shown(operation) if operation else {})
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["operation_id", "name"], set_=changed)
            )

    async def change(self, operation: Operation) -> None:
        """Write what a running operation shows. Raises LeaseLost."""
        async with writing(self._engine) as connection:
            await self._fenced(connection, int(operation.id), shown(operation))

    async def finish(self, operation: Operation) -> None:
        """Write a DONE operation and let go of its holds and its lease. Raises LeaseLost."""
        key = int(operation.id)
        async with writing(self._engine) as connection:
            await self._fenced(connection, key, shown(operation))
            await connection.execute(delete(holds).where(holds.c.operation_id == key))
            free = update(operations).where(operations.c.id == key)
            await connection.execute(free.values(lease_owner=None, lease_until=None))

    async def claim(self, works: Collection[str], limit: int, dead: Collection[str] = ()) -> list[Record]:
        """Take unfinished operations that nobody works on: never leased, given back, run out, or of `dead` workers.

        Only those whose work is in `works`: in a rolling update an older replica leaves the newer one's alone.
        """
        columns = operations.c
        chosen = self._claimable(works, dead).order_by(columns.id).limit(limit)
        if self._postgresql:
            chosen = chosen.with_for_update(skip_locked=True)
        taken = update(operations).where(columns.id.in_(chosen)).returning(operations)
        async with writing(self._engine) as connection:
            values = {"lease_owner": self._worker, "lease_until": database_clock() + self._lease}
            rows = (await connection.execute(taken.values(values))).mappings().all()
        records = (msgspec.structs.replace(to_record(row), resumed=True) for row in rows)
        return sorted(records, key=lambda record: record.key)

    async def free(self, works: Collection[str], dead: Collection[str] = ()) -> bool:
        """Whether there is something to claim: a read, so that idle workers do not queue up to write."""
        return bool(await self._rows(self._claimable(works, dead).limit(1)))

    async def workers(self) -> set[str]:
        """Names of the workers that hold leases now."""
        query = select(operations.c.lease_owner).where(operations.c.status != DONE).distinct()
        return {row["lease_owner"] for row in await self._rows(query) if row["lease_owner"]}

    async def renew(self, keys: Iterable[int]) -> set[int]:
        """Prolong our leases; return those that are still ours."""
        columns = operations.c
        ours = update(operations).where(columns.id.in_(list(keys)), columns.lease_owner == self._worker)
        async with writing(self._engine) as connection:
            renewed = ours.values(lease_until=database_clock() + self._lease).returning(columns.id)
            return {row.id for row in await connection.execute(renewed)}

    async def release(self, key: int | None = None) -> None:
        """Give a lease back, or all of ours: another worker, or the next start, goes on at once."""
        ours = update(operations).where(operations.c.lease_owner == self._worker)
        if key is not None:
            ours = ours.where(operations.c.id == key)
        async with writing(self._engine) as connection:
            await connection.execute(ours.values(lease_owner=None, lease_until=None))

    async def expire(self, before: datetime) -> int:
        """Remove some operations that ended before a time; return how many (0: none is left)."""
        columns = operations.c
        old = select(columns.id).where(columns.status == DONE, columns.end_time < before).limit(_CHUNK)
        async with writing(self._engine) as connection:
            gone = await connection.execute(delete(operations).where(columns.id.in_(old)).returning(columns.id))
            return len(gone.all())

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        async with reading(self._engine) as connection:
            rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
        return rows

    async def _alone(self, connection: AsyncConnection, owner: str) -> None:
        """One begin at a time for an owner, so that checks and writes are one. SQLite has one writer anyway."""
        if self._postgresql:
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 1))")
            await connection.execute(lock, {"owner": owner})

    async def _fenced(self, connection: AsyncConnection, key: int, values: Mapping[str, Any]) -> None:
        columns = operations.c
        ours = (columns.id == key, columns.lease_owner == self._worker, columns.status != DONE)
        statement = update(operations).where(*ours).returning(columns.id)
        changed = await connection.execute(statement.values({**values, "lease_until": database_clock() + self._lease}))
        if not changed.all():
            raise LeaseLost(str(key))

    def _claimable(self, works: Collection[str], dead: Collection[str]) -> Select[Any]:
        columns = operations.c
        ours = columns.cloud.in_({self._cloud, ""})
        free = columns.lease_owner.is_(None) | (columns.lease_until < database_clock()) | columns.lease_owner.in_(dead)
        return select(columns.id).where(columns.status != DONE, ours, columns.work.in_(works), free)
