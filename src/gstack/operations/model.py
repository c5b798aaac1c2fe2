"""What an operation is, and what a work function may do with it.

A work function is ordinary code that reads top to bottom:

    @work("instances.insert")
    async def insert(op: Op) -> None:
        volume = await op.run("disk", "createVolume", {...}, probe=volume_of_this_name)
        try:
            await op.run("deploy", "deployVirtualMachine", {...}, probe=machine_of_this_name)
        except Problem:
            await op.run("undo-disk", "deleteVolume", {"id": volume["id"]}, probe=harmless)
            raise

After a restart it runs again from the top; steps that ended give what they gave (or raise what they raised), so the
code between steps must depend on `op.args`, on steps and on `op.decide` alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload

import msgspec

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem

T = TypeVar("T")
WorkRequest = TypeVar("WorkRequest", bound=msgspec.Struct)

PENDING, RUNNING, DONE = "PENDING", "RUNNING", "DONE"
REQUEST = "request"  # the argument that tells which request a requestId stands for


class Target(msgspec.Struct, frozen=True):
    """What an operation is about. `scope` is `zones/Z`, `regions/R` or `global`; `id` is the GCE id once known."""

    scope: str
    collection: str
    name: str
    id: str = ""

    @property
    def path(self) -> str:
        """Relative to the project: `zones/z/disks/d`, `global/firewalls/f`; the project itself has an empty one."""
        return f"{self.scope}/{self.collection}/{self.name}" if self.collection != "projects" else ""


class Fault(msgspec.Struct, frozen=True):
    """One entry of `error.errors[]`."""

    code: str
    message: str
    location: str = ""


class Warned(msgspec.Struct, frozen=True):
    """One entry of `warnings[]`. `code` is of Google's enum, e.g. `FIELD_VALUE_OVERRIDEN`."""

    code: str
    message: str
    data: dict[str, str] = {}


class Operation(msgspec.Struct, frozen=True):
    """One row of the journal. Times are UTC. `owner` is the CloudStack account or project that sees it."""

    id: str  # decimal, < 2^63
    name: str  # operation-…
    owner: str
    project: str  # as in the URL of the request
    method: str  # e.g. compute.instances.insert
    operation_type: str  # insert, delete, setLabels, …
    work: str
    target: Target
    user: str
    credential: str
    args: dict[str, Any]
    insert_time: datetime
    status: str = PENDING
    progress: int = 0
    status_message: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    request_id: str = ""
    http_status: int = 0  # of the error, 0 where there is none
    http_message: str = ""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Warned, ...] = ()


class Draft(msgspec.Struct, frozen=True):
    """A mutation that was checked and is to be journalled.

    `holds` are names of what nobody else may change until this is done, e.g. `zones/z/instances/vm1` (they are
    private to `owner`). The first is the target's; when another unfinished operation holds one, `start` raises
    409 alreadyExists for an insert of the same target, else 400 resourceNotReady.
    """

    work: str
    owner: str
    project: str
    method: str
    operation_type: str
    target: Target
    user: str
    credential: str
    cloudstack_project: str | None
    args: dict[str, Any]
    holds: tuple[str, ...] = ()
    request_id: str = ""
    warnings: tuple[Warned, ...] = ()


class Probe(Protocol):
    """Looks whether a send whose answer was lost had arrived.

    Returns the result that the step would have had, or None: nothing arrived, send again.
    """

    async def __call__(self, op: "Op") -> Mapping[str, Any] | None: ...


async def harmless(op: "Op") -> None:  # noqa: ARG001  # a Probe's signature
    """A probe for commands that may be repeated: the second one does nothing more than the first.

    Removals are such: where a repeated one finds its id gone, the step ended well.
    """
    return


class Op(Protocol):
    """What a work function is handed (implemented by operations.runner)."""

    operation: Operation
    args: dict[str, Any]
    cloudstack: Client
    sidecar: Sidecar

    async def run(self, step: str, command: str, parameters: Mapping[str, object], *, probe: Probe) -> dict[str, Any]:
        """Do one CloudStack command as a recorded step, and its job if it has one; return its result's object.

        Result: what is inside `jobresult` (or inside the answer) with its one wrapping object taken off, e.g. the
        volume. Raises Refusal when CloudStack refuses or the job fails, recorded too. While CloudStack does not
        answer it waits. `step` must be unique in the work.
        """
        ...

    async def decide(self, step: str, make: Callable[[], Awaitable[T]]) -> T:
        """Record a decision (JSON-able), so that a resume decides the same: a random name, a choice from a list.

        Also the way to read CloudStack or write the sidecar between steps: `make` may run twice, never after it
        was recorded. While CloudStack does not answer it waits.
        """
        ...

    async def keep(self, step: str, uuid: str, kind: str, facts: Mapping[str, Any]) -> None:
        """Merge facts into the sidecar row of a CloudStack object, as a recorded step; None removes a fact."""
        ...

    async def forget(self, step: str, *uuids: str) -> None:
        """Drop the sidecar rows of CloudStack objects, as a recorded step."""
        ...

    async def progress(self, percent: int, message: str = "") -> None:
        """Show progress; never goes down. Like `warn` and `target` it is written together with the next step."""
        ...

    async def warn(self, code: str, message: str, **data: str) -> None:
        """Add a warning to the operation. Idempotent per message."""
        ...

    async def target(self, gce_id: str) -> None:
        """Set the target's GCE id once it is known."""
        ...


PlainWork = Callable[[Op], Awaitable[None]]  # a work without a request
TypedWork = Callable[[Op, WorkRequest], Awaitable[None]]  # a work with one


@dataclass(frozen=True, slots=True)
class Work:
    """A registered work function, the name under which the journal keeps it, and the type of its request."""

    name: str
    function: Callable[..., Awaitable[None]]
    request: type[msgspec.Struct] | None

    async def perform(self, op: Op, args: Mapping[str, Any]) -> None:
        """Decode the request from the arguments of a journal row and call the function with it."""
        if self.request is None:
            await self.function(op)
        else:
            await self.function(op, msgspec.convert(args, self.request))


_WORKS: dict[str, Work] = {}
_NAMES: dict[Callable[..., Awaitable[None]], str] = {}


@overload
def work(name: str) -> Callable[[PlainWork], PlainWork]: ...
@overload
def work(name: str, request: type[WorkRequest]) -> Callable[[TypedWork[WorkRequest]], TypedWork[WorkRequest]]: ...
def work(name: str, request: type[msgspec.Struct] | None = None) -> Callable[[Any], Any]:
    """Register a work function under a name, with the type of its request if it takes one.

    Names and requests stay in the journal for weeks. Never rename a work or a field of its request; give a new field a
    default, so that rows which an older server wrote can still be read.
    """
    if request is not None and REQUEST in request.__struct_fields__:
        raise ValueError(f"the request of {name} has a field {REQUEST!r}, which the journal uses itself")

    def register(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        if name in _WORKS:
            raise ValueError(f"two works are named {name}")  # a fault of ours, found at import
        _WORKS[name] = Work(name, function, request)
        _NAMES[function] = name
        return function

    return register


def works() -> Mapping[str, Work]:
    """Return all works by name; filled at import."""
    return _WORKS


def work_name(function: Callable[..., Awaitable[None]]) -> str:
    """Return the name under which a work function is registered."""
    return _NAMES[function]


def fault_of(problem: Problem) -> Fault:
    """A Problem as an operation shows it."""
    return Fault(code=problem.code, message=problem.message, location=problem.location)
