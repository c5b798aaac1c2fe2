"""instances.bulkInsert: many instances of one kind, in one operation.

Each is made by the same recorded steps as by instances.insert (`insert.make`), a few at a time. Where one fails the
others go on; where fewer than `minCount` can be made, those that were made are removed again and the operation fails,
else it warns of each that failed. regionInstances.bulkInsert has no place to choose from here: a region is one zone.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.operations.nested import Nested
from gstack.resources.compute.instances.bulk_asked import Asked, bulk_asked, check_free, disks_of, plans, taken_names
from gstack.resources.compute.instances.insert import make, with_networks
from gstack.resources.compute.instances.lookup import located
from gstack.resources.compute.instances.plan import Plan
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.volumes import Volume
from gstack.resources.steps import removal

PARTIAL = "PARTIAL_SUCCESS"  # Google's code of the warning about an instance that was not created
_AT_ONCE = 4  # machines that are made side by side


@serves("compute.instances.bulkInsert")
async def bulk_insert(call: Call) -> dict[str, Any]:
    location = await located(call)
    asked = await bulk_asked(call, location)
    scope = f"zones/{location.zone}"
    holds = [f"{scope}/instances/{name}" for name in asked.names[1:]]
    holds += [f"{scope}/disks/{disk}" for plan in plans(asked) for disk in disks_of(plan)]
    args = {**msgspec.to_builtins(asked), "operation_group": str(uuid.uuid4())}
    return await call.start(make_all, Target(scope, "instances", asked.names[0]), args, holds=tuple(holds))


@work("instances.bulkInsert")
async def make_all(op: Op) -> None:
    """Make the machines, a few side by side; none where too few can be made, or where a name was taken meanwhile."""
    asked = msgspec.convert({name: op.args[name] for name in ("plan", "names", "least")}, Asked)
    await op.decide("free", lambda: _still_free(op, asked))
    asked = replace(asked, plan=await with_networks(op, asked.plan))  # once, before the machines ask for them
    failed = await _all(op, plans(asked))
    made = [name for name in asked.names if name not in failed]
    if len(made) < asked.least:
        await _remove_all(op, asked.plan, made)
        raise _too_few(asked, len(made), next(iter(failed.values())))
    for name, problem in failed.items():
        await op.warn(PARTIAL, f"The instance '{name}' was not made: {problem.message}", instance=name)


async def _still_free(op: Op, asked: Asked) -> bool:
    """409 for a name that another operation took between the request's checks and our holds."""
    zone_id = asked.plan.placement.location_id
    check_free(op.operation.project, asked, await taken_names(op.cloudstack, op.sidecar, zone_id))
    return True


async def _all(op: Op, wanted: Sequence[Plan]) -> dict[str, Problem]:
    """Make all; the names of those that failed, and why."""
    room, failed, ended = asyncio.Semaphore(_AT_ONCE), dict[str, Problem](), list[str]()

    async def one(plan: Plan) -> None:
        async with room:
            try:
                await make(Nested(op, plan.name, msgspec.to_builtins(plan)))
            except Problem as problem:
                failed[plan.name] = problem
        ended.append(plan.name)
        await op.progress(90 * len(ended) // len(wanted), f"{len(ended)} of {len(wanted)} instances.")

    outcomes = await asyncio.gather(*(one(plan) for plan in wanted), return_exceptions=True)
    for outcome in outcomes:  # nobody knows how it stands: the work begins again, with what is recorded
        if isinstance(outcome, BaseException):
            raise outcome
    return {plan.name: failed[plan.name] for plan in wanted if plan.name in failed}


async def _remove_all(op: Op, plan: Plan, names: Sequence[str]) -> None:
    for name in names:
        try:
            await _remove(Nested(op, f"undo-{name}", {}), plan, name)
        except Problem as problem:
            await op.warn("CLEANUP_FAILED", f"The instance {name} could not be removed: {problem.message}")


async def _remove(op: Op, plan: Plan, name: str) -> None:
    zone_id = plan.placement.location_id
    machine_id = await op.decide("which", lambda: op.sidecar.named(op.operation.owner, machines.kind(zone_id), name))
    if machine_id is None:
        return
    disks = await op.decide("disks", lambda: _disks(op, machine_id))
    goes = tuple(uuid for uuid, kind in disks.items() if kind != volumes.ROOT)
    asked = removal.Removal(machine_id, name, zone_id, plan.placement.security_groups, goes=goes)
    await removal.remove(op, "machine", asked)

    async def forget() -> bool:
        for one in (machine_id, *disks):
            await op.sidecar.drop(one)
        return True

    await op.decide("forget", forget)


async def _disks(op: Op, machine_id: str) -> dict[str, str]:
    found = await op.cloudstack.list_all("listVolumes", Volume, {"virtualmachineid": machine_id})
    return {volume.id: volume.type for volume in found}


def _too_few(asked: Asked, made: int, first: Problem) -> Problem:
    text = f"{made} of {len(asked.names)} instances could be made, {asked.least} are needed; they were removed again."
    return Problem(first.status, first.reason, f"{text} {first.message}", code=first.code, internal=first.internal)
