"""The instance that a mutation is about: found, its state checked as Google does, its work begun under its hold."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Target, Work, works
from gstack.resources import machines
from gstack.resources.instances.lookup import located, wanted_machine
from gstack.resources.instances.to_gce import STATUSES
from gstack.resources.locations import Location
from gstack.resources.machines import Found, VirtualMachine
from gstack.resources.naming import gce_id

RUNNING, STOPPED = "RUNNING", "TERMINATED"
FAILED = "Error"  # CloudStack's state of a machine that it could not deploy: it can only be deleted
_TURNS = 8  # changes that one waits for
_QUICK: set[Work] = set()  # filled at import


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
    call: Call, work: Work, subject: Subject, args: Mapping[str, Any], *, holds: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Journal a change of the instance, which is held; `args` come on top of `Subject.args`.

    Quick changes wait for each other, as on GCE: gcloud's `instances update` sends several at once.
    """
    target = Target(subject.scope, "instances", subject.found.name, gce_id(subject.machine.id))
    known = {**subject.args, **args}
    for _ in range(_TURNS if work in _QUICK else 0):
        await _turn(call, target)
        try:
            return await call.start(work, target, known, holds=holds)
        except Problem as problem:
            if problem.reason != "resourceNotReady" or not await _turn(call, target):
                raise
    return await call.start(work, target, known, holds=holds)


async def _turn(call: Call, target: Target) -> bool:
    """Wait for the quick change that holds the instance; True where there was one."""
    holder = await call.journal.holder(call.owner_id, target.path)
    if holder is None or works()[holder.work] not in _QUICK:
        return False
    await call.journal.wait(call.owner_id, target.scope, holder.name)
    return True


def takes_turns(work: Work) -> Work:
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
