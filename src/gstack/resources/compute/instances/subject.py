"""The instance that a mutation is about: found, its state checked as Google does, its work begun under its hold."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import DONE, PlainWork, Target, works
from gstack.resources.compute.instances.lookup import located, wanted_machine
from gstack.resources.compute.instances.to_gce import STATUSES
from gstack.resources.inventory import machines
from gstack.resources.inventory.machines import Found, VirtualMachine
from gstack.resources.inventory.zones import Location
from gstack.resources.shared.naming import gce_id

Answer = dict[str, Any]

RUNNING, STOPPED = "RUNNING", "TERMINATED"
FAILED = "Error"  # CloudStack's state of a machine that it could not deploy: it can only be deleted
_PATIENCE = 60.0  # seconds that a quick change waits for others, where wait_limit is not less: clients wait some 120
_QUICK: set[PlainWork] = set()  # filled at import


class Subject(msgspec.Struct, frozen=True):
    """An instance and where it is."""

    location: Location
    found: Found

    @property
    def machine(self) -> VirtualMachine:
        """The CloudStack machine."""
        return self.found.machine

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the sidecar knows of it."""
        return self.found.facts

    @property
    def scope(self) -> str:
        """`zones/z`."""
        return f"zones/{self.location.zone}"

    @property
    def path(self) -> str:
        """Relative to the project."""
        return f"{self.scope}/instances/{self.found.name}"

    @property
    def status(self) -> str:
        """Google's status."""
        return STATUSES.get(self.machine.state, "REPAIRING")

    @property
    def kind(self) -> str:
        """The sidecar's kind of its row."""
        return machines.kind(self.location.id)

    @property
    def args(self) -> dict[str, Any]:
        """What every work on a machine has among its args."""
        return {"machine_id": self.machine.id, "kind": self.kind, "name": self.found.name}


async def wanted(call: Call) -> Subject:
    """The instance in the URL; 404 where there is none."""
    location = await located(call)
    return Subject(location, await wanted_machine(call, location))


async def begin(
    call: Call, work: PlainWork, subject: Subject, args: Mapping[str, Any], *, holds: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Journal a change of the instance, which is held; `args` come on top of `Subject.args`.

    Quick changes wait for each other, as on GCE, in the order in which they came: gcloud's `instances update` sends
    several at once. One that waited too long is a 400 resourceNotReady, before its client gives up.
    """
    target = Target(subject.scope, "instances", subject.found.name, gce_id(subject.machine.id))
    known = {**subject.args, **args}
    if work not in _QUICK:
        return await call.start(work, target, known, holds=holds)
    seconds = min(_PATIENCE, call.settings.operations.wait_limit)
    end = time.monotonic() + seconds
    async with AsyncExitStack() as line:
        try:
            await line.enter_async_context(call.journal.locks.lock(call.owner_id, target.path, seconds))
        except TimeoutError as error:
            raise Problem.not_ready(call.resource(target.path)) from error
        return await _in_turn(call, target, end, lambda: call.start(work, target, known, holds=holds))


async def _in_turn(call: Call, target: Target, end: float, start: Callable[[], Awaitable[Answer]]) -> Answer:
    """Start once no quick change holds the instance; another process may have begun one between two looks."""
    await _wait_for_quick(call, target, end)
    while True:
        try:
            return await start()
        except Problem as problem:
            if problem.reason != "resourceNotReady" or not await _wait_for_quick(call, target, end):
                raise


async def _wait_for_quick(call: Call, target: Target, end: float) -> bool:
    """Wait for the quick change that holds the instance; True where there was one, 400 where it goes on."""
    holder = await call.operations.holder(call.owner_id, target.path)
    if holder is None or works()[holder.work].function not in _QUICK:
        return False
    ended = await call.journal.wait(call.owner_id, target.scope, holder.name, max(0, end - time.monotonic()))
    if ended and ended.status != DONE:
        raise Problem.not_ready(call.resource(target.path))
    return True


def takes_turns(work: PlainWork) -> PlainWork:
    """Mark a work as quick: a request for it waits until others that are quick are done."""
    _QUICK.add(work)
    return work


def check_settled(call: Call, subject: Subject) -> None:
    """400 while the machine is on its way to another state, or where it has failed for good."""
    if subject.machine.state == FAILED:
        text = "CloudStack could not deploy this machine (state Error). Delete it and make it again."
        raise Problem.not_ready(call.resource(subject.path), text)
    if subject.status not in {RUNNING, STOPPED}:
        raise Problem.not_ready(call.resource(subject.path))


def check_running(call: Call, subject: Subject) -> None:
    """400 where the machine does not run."""
    check_settled(call, subject)
    if subject.status != RUNNING:
        raise _misused(f"Instance '{call.resource(subject.path)}' is not running. Start it first.")


def check_stopped(call: Call, subject: Subject, what: str) -> None:
    """400 where the machine is not stopped; `what` cannot be done then."""
    check_settled(call, subject)
    if subject.status != STOPPED:
        raise _misused(f"Instance '{call.resource(subject.path)}' must be stopped before {what}. Stop it first.")


def _misused(text: str) -> Problem:
    return Problem(400, "invalidResourceUsage", f"Invalid resource usage: '{text}'.", code="INVALID_USAGE")
