"""Finds the instance, disks and interface of a request, checks the states that Google checks, and begins a change."""

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import DONE, Target, TypedWork, WorkRequest, works
from gstack.resources.inventory import machines, placements, volumes
from gstack.resources.inventory.instances import STATUSES, AttachedDisk, View, named_nics, nic_to_gce, ordered
from gstack.resources.inventory.machines import Found, Nic, VirtualMachine
from gstack.resources.inventory.zones import Location, zone_of
from gstack.resources.shared.naming import gce_id

Function = TypeVar("Function", bound=Callable[..., Awaitable[None]])

RUNNING, STOPPED = "RUNNING", "TERMINATED"
FAILED = "Error"  # CloudStack's state of a machine that it could not deploy: it can only be deleted
_LONGEST_WAIT = 60.0  # seconds that a queued change waits, if wait_limit is not less: clients wait some 120
_QUEUED: set[Callable[..., Awaitable[None]]] = set()  # filled at import


class Instance(msgspec.Struct, frozen=True):
    """An instance and its zone."""

    location: Location
    found: Found

    @property
    def machine(self) -> VirtualMachine:
        """The CloudStack machine."""
        return self.found.machine

    @property
    def name(self) -> str:
        """The GCE name."""
        return self.found.name

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the sidecar keeps about it."""
        return self.found.facts

    @property
    def kind(self) -> str:
        """The sidecar's kind of its row."""
        return machines.kind(self.location.id)

    @property
    def scope(self) -> str:
        """`zones/z`."""
        return f"zones/{self.location.zone}"

    @property
    def target(self) -> Target:
        """What an operation on it is about."""
        return Target(self.scope, "instances", self.name, gce_id(self.machine.id))

    @property
    def status(self) -> str:
        """Google's status."""
        return STATUSES.get(self.machine.state, "REPAIRING")


async def find_instance(call: Call) -> Instance:
    """The instance in the URL; 404 where there is none."""
    location = await zone_of(call, call.params["zone"])
    return Instance(location, await find_machine(call, location))


async def find_machine(call: Call, location: Location) -> Found:
    """The machine of the instance in the URL; 404 in Google's words."""
    name = call.params.get("instance") or call.params["resource"]  # Google uses one name or the other
    found = await machines.find(call.cloudstack, call.sidecar, call.owner_id, location, name)
    if found is None:
        raise Problem.not_found(call.resource(f"zones/{call.params['zone']}/instances/{name}"))
    return found


async def disks_of(call: Call, machine_id: str) -> list[AttachedDisk]:
    """The disks of a machine, in the order of Google's `index`."""
    found = await volumes.search(call.cloudstack, call.sidecar, {"virtualmachineid": machine_id})
    return ordered([AttachedDisk(one.volume, one.name, one.facts.get(one.volume.id, {})) for one in found])


def find_nic(instance: Instance, name: str, parameter: str) -> Nic:
    """The interface of this name; 400 in Google's words where the instance has none."""
    nics = named_nics(instance.machine)
    if name not in nics:
        why = f"'{name}'. The instance has no such network interface. It has {', '.join(nics) or 'none'}."
        raise Problem.invalid(parameter, why)
    return nics[name]


async def show_nic(call: Call, instance: Instance, nic: Nic) -> dict[str, Any]:
    """The interface as Google's NetworkInterface."""
    networks = await placements.network_links(call, [nic.networkid])
    view = View(instance.machine, instance.name, instance.facts, (), instance.location, "", networks)
    name = next(name for name, one in named_nics(instance.machine).items() if one.id == nic.id)
    return nic_to_gce(nic, name, view, call.link)


def queued(function: Function) -> Function:
    """Mark a work as short: a request for it waits for other short works on the instance and is not refused."""
    _QUEUED.add(function)
    return function


async def begin(
    call: Call, function: TypedWork[WorkRequest], instance: Instance, request: WorkRequest, holds: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Journal a change of the instance, which is locked meanwhile.

    As on GCE, short changes wait for each other in the order in which they came: gcloud's `instances update` sends
    several at once. 400 resourceNotReady if a change waits too long, before its client gives up.
    """
    target = instance.target
    if function not in _QUEUED:
        return await call.start(function, target, request, holds=holds)
    seconds = min(_LONGEST_WAIT, call.settings.operations.wait_limit)
    end = time.monotonic() + seconds
    async with AsyncExitStack() as turn:
        try:
            await turn.enter_async_context(call.journal.locks.lock(call.owner_id, target.path, seconds))
        except TimeoutError as error:
            raise Problem.not_ready(call.resource(target.path)) from error
        await _wait_for_queued(call, target, end)
        while True:  # another process may begin a change between two looks
            try:
                return await call.start(function, target, request, holds=holds)
            except Problem as problem:
                if problem.reason != "resourceNotReady" or not await _wait_for_queued(call, target, end):
                    raise


async def _wait_for_queued(call: Call, target: Target, end: float) -> bool:
    """Wait for the short change that has the lock. False if there is none, 400 if it does not end in time."""
    holder = await call.operations.holder(call.owner_id, target.path)
    if holder is None or works()[holder.work].function not in _QUEUED:
        return False
    ended = await call.journal.wait(call.owner_id, target.scope, holder.name, max(0, end - time.monotonic()))
    if ended and ended.status != DONE:
        raise Problem.not_ready(call.resource(target.path))
    return True


def check_settled(call: Call, instance: Instance) -> None:
    """400 while the machine is on its way to another state, or where it has failed for good."""
    if instance.machine.state == FAILED:
        text = "CloudStack could not deploy this machine (state Error). Delete the instance and create it again."
        raise Problem.not_ready(call.resource(instance.target.path), text)
    if instance.status not in {RUNNING, STOPPED}:
        raise Problem.not_ready(call.resource(instance.target.path))


def check_running(call: Call, instance: Instance) -> None:
    """400 where the machine does not run."""
    check_settled(call, instance)
    if instance.status != RUNNING:
        raise _invalid_usage(f"Instance '{call.resource(instance.target.path)}' is not running. Start it first.")


def check_stopped(call: Call, instance: Instance, what: str) -> None:
    """400 if the machine is not stopped. `what` says what needs that: "its name is changed"."""
    check_settled(call, instance)
    if instance.status != STOPPED:
        path = call.resource(instance.target.path)
        raise _invalid_usage(f"Instance '{path}' must be stopped before {what}. Stop it first.")


def _invalid_usage(text: str) -> Problem:
    return Problem(400, "invalidResourceUsage", f"Invalid resource usage: '{text}'.", code="INVALID_USAGE")
