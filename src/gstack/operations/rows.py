"""Rows of the journal: how operations and steps go from structs to tables and back, and how rows are found."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gstack.db.tables import holds, operations, steps
from gstack.errors import Problem
from gstack.operations.model import REQUEST, RUNNING, Draft, Fault, Operation, Target, Warned

INTENT, JOB, ENDED, FAILED = "intent", "job", "done", "failed"  # states of a step
REPEAT = timedelta(hours=24)  # how long a requestId stands for its operation; Google documents no time


class Record(msgspec.Struct, frozen=True):
    """An operation, with what only its worker needs."""

    operation: Operation
    cloudstack_project: str | None
    resumed: bool = False  # another worker may have worked on it before

    @property
    def key(self) -> int:
        """The primary key of the row."""
        return int(self.operation.id)


class Step(msgspec.Struct, frozen=True):
    """One recorded step. It has a `result` or a `failure` once it ended."""

    name: str
    state: str
    command: str
    started: datetime
    job_id: str | None = None
    result: Any = None
    failure: dict[str, Any] | None = None


STEP_COLUMNS = [steps.c[name] for name in Step.__struct_fields__]


async def repeated(connection: AsyncConnection, draft: Draft) -> Record | None:
    """Return the operation that the draft's requestId began. Raises 409 if that was a different request."""
    if not draft.request_id:
        return None
    query = by_request(draft.owner, draft.method, draft.request_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    record = to_record(row)
    earlier = (record.operation.target.path, record.operation.project, record.operation.args.get(REQUEST))
    if earlier != (draft.target.path, draft.project, draft.args.get(REQUEST)):
        raise Problem.id_reused()
    return record


def by_request(owner: str, method: str, request_id: str) -> Select[Any]:
    """Return the query for the operation that a requestId began, at most a day ago."""
    columns = operations.c
    same = (columns.owner == owner, columns.request_id == request_id, columns.method == method)
    recent = columns.insert_time > datetime.now(UTC) - REPEAT
    return select(operations).where(*same, recent).order_by(columns.id.desc()).limit(1)


async def check_locks(connection: AsyncConnection, draft: Draft) -> None:
    """Raise 409 alreadyExists or 400 resourceNotReady if an unfinished operation holds one of the draft's locks."""
    query = select(holds.c.name).where(holds.c.owner == draft.owner, holds.c.name.in_(draft.holds))
    taken = {row.name for row in await connection.execute(query)}
    if not taken:
        return
    if draft.operation_type == "insert" and draft.holds[0] in taken:
        raise Problem.already_exists(_resource(draft, draft.holds[0]))
    name = next(name for name in draft.holds if name in taken)
    raise Problem.not_ready(_resource(draft, name))


def _resource(draft: Draft, lock: str) -> str:
    return f"projects/{draft.project}" if lock == "project" else f"projects/{draft.project}/{lock}"


def is_called(name_or_id: str) -> Any:
    """Return the condition that an operation has this name or decimal id."""
    if name_or_id.isascii() and name_or_id.isdigit() and int(name_or_id) < 1 << 63:
        return operations.c.id == int(name_or_id)
    return operations.c.name == name_or_id


def new_row(draft: Draft, cloud: str) -> dict[str, Any]:
    """Return the row of a new operation."""
    now = datetime.now(UTC)
    milliseconds = int(now.timestamp() * 1000)
    random = secrets.token_hex(15)
    return {
        "id": milliseconds << 21 | secrets.randbits(21),  # 62 bits until 2039, 63 after; grows with time
        "name": f"operation-{milliseconds}-{random[:13]}-{random[13:21]}-{random[21:29]}",
        "owner": draft.owner,
        "project": draft.project,
        "method": draft.method,
        "operation_type": draft.operation_type,
        "work": draft.work,
        "scope": draft.target.scope,
        "collection": draft.target.collection,
        "target_name": draft.target.name,
        "user": draft.user,
        "credential": draft.credential,
        "cloudstack_project": draft.cloudstack_project,
        "cloud": cloud,
        "args": draft.args,
        "insert_time": now,
        "request_id": draft.request_id,
        "status": RUNNING,
        "progress": 0,
        "status_message": "",
        "start_time": now,
        "end_time": None,
        "http_status": 0,
        "http_message": "",
        "faults": [],
        "target_id": draft.target.id,
        "warnings": msgspec.to_builtins(draft.warnings),
    }


def shown(operation: Operation) -> dict[str, Any]:
    """Return the columns that change while an operation runs."""
    return {
        "status": operation.status,
        "progress": operation.progress,
        "status_message": operation.status_message,
        "end_time": operation.end_time,
        "target_id": operation.target.id,
        "http_status": operation.http_status,
        "http_message": operation.http_message,
        "faults": msgspec.to_builtins(operation.faults),
        "warnings": msgspec.to_builtins(operation.warnings),
    }


_TARGET = {"scope": "scope", "collection": "collection", "target_name": "name", "target_id": "id"}
_SAME = [name for name in Operation.__struct_fields__ if name not in {"id", "target", "faults", "warnings"}]


def to_operation(row: Mapping[Any, Any]) -> Operation:
    """Return the operation of a row."""
    return Operation(
        id=str(row["id"]),
        target=Target(**{ours: row[theirs] for theirs, ours in _TARGET.items()}),
        faults=msgspec.convert(row["faults"], tuple[Fault, ...]),
        warnings=msgspec.convert(row["warnings"], tuple[Warned, ...]),
        **{name: row[name] for name in _SAME},
    )


def to_record(row: Mapping[Any, Any]) -> Record:
    """Return the operation of a row, with what its worker needs."""
    return Record(operation=to_operation(row), cloudstack_project=row["cloudstack_project"])
