"""Operations as clients see them: read from the journal's tables, by anybody, without a lease."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import reading, writing
from gstack.db.tables import holds, operations
from gstack.errors import Problem
from gstack.operations.model import DONE, Operation
from gstack.operations.rows import by_request, is_called, to_operation


class Operations:
    """The operations of all owners. `scope` is `zones/Z`, `regions/R` or `global`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, owner: str, scope: str, name_or_id: str) -> Operation | None:
        """Return one operation by name or decimal id."""
        columns = operations.c
        query = select(operations).where(columns.owner == owner, columns.scope == scope, is_called(name_or_id))
        return await self._first(query)

    async def page(
        self, owner: str, scope: str | None, *, limit: int, offset: int, newest_first: bool = False
    ) -> list[Operation]:
        """Return a page of the operations of a scope, or of all scopes (None)."""
        columns = operations.c
        query = select(operations).where(columns.owner == owner)
        if scope is not None:
            query = query.where(columns.scope == scope)
        order = columns.id.desc() if newest_first else columns.id.asc()
        rows = await self._rows(query.order_by(order).limit(limit).offset(offset))
        return [to_operation(row) for row in rows]

    async def of_request(self, owner: str, method: str, request_id: str) -> Operation | None:
        """Return the operation that a requestId of this owner began within 24 hours."""
        return await self._first(by_request(owner, method, request_id))

    async def holder(self, owner: str, lock: str) -> Operation | None:
        """Return the unfinished operation that holds a lock."""
        return await self._first(select(operations).join(holds).where(holds.c.owner == owner, holds.c.name == lock))

    async def delete(self, owner: str, scope: str, name_or_id: str) -> bool:
        """Delete an operation that is DONE; False if there is none. Raises Problem.not_ready while it runs."""
        operation = await self.get(owner, scope, name_or_id)
        if operation is None:
            return False
        if operation.status != DONE:
            resource = f"projects/{operation.project}/{scope}/operations/{operation.name}"
            raise Problem.not_ready(resource, f"The operation '{resource}' is not DONE and cannot be deleted yet")
        async with writing(self._engine) as connection:
            mine = (operations.c.id == int(operation.id), operations.c.status == DONE)
            await connection.execute(delete(operations).where(*mine))
        return True

    async def _first(self, query: Select[Any]) -> Operation | None:
        rows = await self._rows(query)
        return to_operation(rows[0]) if rows else None

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        async with reading(self._engine) as connection:
            rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
        return rows
