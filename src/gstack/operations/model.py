"""What an operation is, and what a work function may do with it.

A work function is ordinary code that reads from top to bottom:

    @work("instances.insert", NewInstance)
    async def insert(op: Op, request: NewInstance) -> None:
        volume = await op.run("disk", "createVolume", {...}, probe=volume_of_this_name)
        try:
            await op.run("deploy", "deployVirtualMachine", {...}, probe=machine_of_this_name)
        except Problem:
            await op.run("undo-disk", "deleteVolume", {"id": volume["id"]}, probe=harmless)
            raise

After a restart it runs again from the top. Steps that ended return what they returned, or raise what they raised. So
the code between steps may depend only on the request, on the results of steps and on `op.decide`.
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
REQUEST = "request"  # the argument with the digest of the request that a requestId stands for


class Target(msgspec.Struct, frozen=True):
    """The resource that an operation is about.

    `scope` is `zones/Z`, `regions/R` or `global`; `id` is the GCE id, empty until it is known.
    """

    scope: str
    collection: str
    name: str
    id: str = ""

    @property
    def path(self) -> str:
        """The path below the project, such as `zones/z/disks/d`. That of the project itself is empty."""
        return f"{self.scope}/{self.collection}/{self.name}" if self.collection != "projects" else ""


class Fault(msgspec.Struct, frozen=True):
    """One entry of `error.errors[]`."""

    code: str
    message: str
    location: str = ""


class Warned(msgspec.Struct, frozen=True):
    """One entry of `warnings[]`. `code` is one of Google's, e.g. `FIELD_VALUE_OVERRIDEN`."""

    code: str
    message: str
    data: dict[str, str] = {}


class Operation(msgspec.Struct, frozen=True):
    """One row of the journal. Times are UTC. `owner` is the id of the CloudStack account or project that sees it."""

    id: str  # decimal, < 2^63
    name: str  # operation-…
    owner: str
    project: str  # as in the request's URL
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
    http_status: int = 0  # of the error; 0 if there is none
    http_message: str = ""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Warned, ...] = ()


class Draft(msgspec.Struct, frozen=True):
    """A change that was checked and is to be written to the journal.

    `holds` are the locks: names of what no other operation of the owner may change until this one is done, e.g.
    `zones/z/instances/vm1`. The first is the target's. If an unfinished operation holds one of them, `start` raises 409
    alreadyExists for an insert of the same target, and else 400 resourceNotReady.
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
    """Finds out whether a command arrived, after its answer was lost.

    Returns the result that the step would have had, or None if nothing arrived: then the command is sent again. So it
    must not return None while the change is under way, such as a machine in state Starting or a volume in state
    Resizing: it waits, or returns the object and the work waits for it.
    """

    async def __call__(self, op: "Op") -> Mapping[str, Any] | None: ...


async def harmless(op: "Op") -> None:  # noqa: ARG001  # a Probe's signature
    """Find nothing, so that a command whose answer was lost is sent again.

    It is the probe of commands that may be done twice: a reboot, a change to a fixed value, a removal. If a repeated
    removal finds its id gone, the step ended well.
    """
    return


class Op(Protocol):
    """What a work function gets (implemented by operations.runner)."""

    operation: Operation
    cloudstack: Client
    sidecar: Sidecar

    async def run(self, step: str, command: str, parameters: Mapping[str, object], *, probe: Probe) -> dict[str, Any]:
        """Do one CloudStack command as a recorded step, with its job if it has one; return the object of its result.

        That is what `jobresult` (or the answer) holds inside its one wrapping object, e.g. the volume. Raises Refusal
        if CloudStack refuses or the job fails, which is recorded as well. While CloudStack does not answer, it waits.
        `step` must be unique in the work.
        """
        ...

    async def decide(self, step: str, make: Callable[[], Awaitable[T]]) -> T:
        """Record a decision as JSON, so that a resumed work decides the same: a random name, a choice from a list.

        It is also the way to read CloudStack or write the sidecar between steps. `make` may run twice, but never after
        its result was recorded. While CloudStack does not answer, it waits.
        """
        ...

    async def keep(self, step: str, uuid: str, kind: str, facts: Mapping[str, Any]) -> None:
        """Merge facts into the sidecar row of a CloudStack object, as a recorded step; None removes a fact."""
        ...

    async def forget(self, step: str, *uuids: str) -> None:
        """Drop the sidecar rows of CloudStack objects, as a recorded step."""
        ...

    async def progress(self, percent: int, message: str = "") -> None:
        """Show progress, which never goes down. As with `warn` and `target`, it is written with the next step."""
        ...

    async def warn(self, code: str, message: str, **data: str) -> None:
        """Add a warning to the operation, once for each message."""
        ...

    async def target(self, gce_id: str) -> None:
        """Set the GCE id of the target once it is known."""
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
    """Return a Problem as an operation shows it."""
    return Fault(code=problem.code, message=problem.message, location=problem.location)
