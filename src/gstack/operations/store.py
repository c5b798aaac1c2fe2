"""What workers write to the journal's tables. A row is written before anything is sent, and only under its lease.

Every write checks the lease in its WHERE clause. A worker that lost the lease (it was paused, its clock jumped, its
database was away) gets `LeaseLost` and cannot spoil the work of the one that took over.
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
    check_locks,
    new_row,
    repeated,
    shown,
    to_record,
)

_CHUNK = 500  # old operations removed in one transaction


class LeaseLost(Exception):  # noqa: N818  # news, not an error
    """Another worker has this operation now. Stop at once: write and send nothing more."""


class Store:
    """The journal's tables for one worker. `worker` is its name in leases of `lease` seconds.

    `cloud` stands for its CloudStack (config.Settings.cloud). Servers of several clouds may share a database; each
    takes over only operations of its own cloud, and those that were written before clouds were recorded.
    """

    def __init__(self, engine: AsyncEngine, worker: str, lease: float, cloud: str = "") -> None:
        self._engine = engine
        self._worker = worker
        self._lease = lease
        self._cloud = cloud
        self._postgresql = engine.dialect.name == "postgresql"
        self._insert: Any = postgresql.insert if self._postgresql else sqlite.insert

    async def begin(self, draft: Draft) -> tuple[Record, bool]:
        """Write a new operation with its locks and our lease, and return it with True.

        If the request repeats one with the same requestId, return that one's operation with False. Raises the Problems
        of model.Draft, and 409 if the requestId belongs to a different request.
        """
        async with writing(self._engine) as connection:
            await self._one_at_a_time(connection, draft.owner)
            if earlier := await repeated(connection, draft):
                return earlier, False
            await check_locks(connection, draft)
            row = new_row(draft, self._cloud)
            leased = row | {"lease_owner": self._worker, "lease_until": database_clock() + self._lease}
            await connection.execute(insert(operations).values(leased))
            if locks := [
                {"owner": draft.owner, "name": name, "operation_id": row["id"]} for name in dict.fromkeys(draft.holds)
            ]:
                await connection.execute(insert(holds), locks)
        return to_record(row), True

    async def steps(self, key: int) -> dict[str, Step]:
        """Return the recorded steps of an operation by name."""
        rows = await self._rows(select(*STEP_COLUMNS).where(steps.c.operation_id == key))
        return {row["name"]: Step(**row) for row in rows}

    async def record(self, key: int, step: Step, operation: Operation | None = None) -> None:
        """Write a step, and what the operation shows if it is given. Raises LeaseLost."""
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
        """Write what a running operation shows to clients. Raises LeaseLost."""
        async with writing(self._engine) as connection:
            await self._fenced(connection, int(operation.id), shown(operation))

    async def finish(self, operation: Operation) -> None:
        """Write a DONE operation and release its locks and its lease. Raises LeaseLost."""
        key = int(operation.id)
        async with writing(self._engine) as connection:
            await self._fenced(connection, key, shown(operation))
            await connection.execute(delete(holds).where(holds.c.operation_id == key))
            free = update(operations).where(operations.c.id == key)
            await connection.execute(free.values(lease_owner=None, lease_until=None))

    async def claim(
        self, works: Collection[str], limit: int, dead: Collection[str] = (), running: Collection[int] = ()
    ) -> list[Record]:
        """Take over unfinished operations that nobody runs.

        Their lease is absent or expired, or it belongs to a `dead` worker, or to this one although the operation is not
        among those `running` here: the database was away, so its run could not go on. Only operations whose work is in
        `works` count: in a rolling update an old replica does not know the new one's works.
        """
        columns = operations.c
        chosen = self._claimable(works, dead, running).order_by(columns.id).limit(limit)
        if self._postgresql:
            chosen = chosen.with_for_update(skip_locked=True)
        taken = update(operations).where(columns.id.in_(chosen)).returning(operations)
        async with writing(self._engine) as connection:
            values = {"lease_owner": self._worker, "lease_until": database_clock() + self._lease}
            rows = (await connection.execute(taken.values(values))).mappings().all()
        records = (msgspec.structs.replace(to_record(row), resumed=True) for row in rows)
        return sorted(records, key=lambda record: record.key)

    async def free(self, works: Collection[str], dead: Collection[str] = (), running: Collection[int] = ()) -> bool:
        """Tell whether there is something to claim. This is a read, so idle workers do not queue up to write."""
        return bool(await self._rows(self._claimable(works, dead, running).limit(1)))

    async def workers(self) -> set[str]:
        """Return the names of the workers that hold leases."""
        query = select(operations.c.lease_owner).where(operations.c.status != DONE).distinct()
        return {row["lease_owner"] for row in await self._rows(query) if row["lease_owner"]}

    async def renew(self, keys: Iterable[int]) -> set[int]:
        """Renew our leases; return the operations whose lease is still ours."""
        columns = operations.c
        ours = update(operations).where(columns.id.in_(list(keys)), columns.lease_owner == self._worker)
        async with writing(self._engine) as connection:
            renewed = ours.values(lease_until=database_clock() + self._lease).returning(columns.id)
            return {row.id for row in await connection.execute(renewed)}

    async def release(self, key: int | None = None) -> None:
        """Give up one lease, or all of ours, so that another worker or the next start goes on at once."""
        ours = update(operations).where(operations.c.lease_owner == self._worker)
        if key is not None:
            ours = ours.where(operations.c.id == key)
        async with writing(self._engine) as connection:
            await connection.execute(ours.values(lease_owner=None, lease_until=None))

    async def expire(self, before: datetime) -> int:
        """Remove up to 500 operations that ended before a time; return how many (0: none is left)."""
        columns = operations.c
        old = select(columns.id).where(columns.status == DONE, columns.end_time < before).limit(_CHUNK)
        async with writing(self._engine) as connection:
            gone = await connection.execute(delete(operations).where(columns.id.in_(old)).returning(columns.id))
            return len(gone.all())

    async def _one_at_a_time(self, connection: AsyncConnection, owner: str) -> None:
        """Let one transaction begin an operation for an owner at a time. SQLite has one writer anyway."""
        if self._postgresql:
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 1))")
            await connection.execute(lock, {"owner": owner})

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        async with reading(self._engine) as connection:
            rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
        return rows

    async def _fenced(self, connection: AsyncConnection, key: int, values: Mapping[str, Any]) -> None:
        columns = operations.c
        ours = (columns.id == key, columns.lease_owner == self._worker, columns.status != DONE)
        statement = update(operations).where(*ours).returning(columns.id)
        changed = await connection.execute(statement.values({**values, "lease_until": database_clock() + self._lease}))
        if not changed.all():
            raise LeaseLost(str(key))

    def _claimable(self, works: Collection[str], dead: Collection[str], running: Collection[int]) -> Select[Any]:
        columns = operations.c
        ours = columns.cloud.in_({self._cloud, ""})
        free = columns.lease_owner.is_(None) | (columns.lease_until < database_clock()) | columns.lease_owner.in_(dead)
        abandoned = (columns.lease_owner == self._worker) & columns.id.not_in(running)
        return select(columns.id).where(columns.status != DONE, ours, columns.work.in_(works), free | abandoned)
