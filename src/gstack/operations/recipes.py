"""Pieces that most works need: find what a lost answer created, undo, clean up, agree on one of several.

They consist of recorded steps, so a resumed work repeats none of them. They undo on a Problem alone. Where CloudStack
is silent or this process stops, nobody knows the outcome: the work goes on later from its recorded steps.

CloudStack lets several objects share a name. A work that creates one therefore records first which ones exist
(`ids_before`). If the answer is lost, the object that has the name and is not among them is ours (`arrived`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.operations.model import Op, Probe
from gstack.operations.outcomes import CLEANUP_FAILED

T = TypeVar("T")
Find = Callable[[Op], Awaitable[Sequence[Mapping[str, Any]]]]  # objects as CloudStack lists them, each with its `id`
FindId = Callable[[Op], Awaitable[str]]  # the id of one object, empty if there is none
Remove = Callable[[Op, str, str], Awaitable[None]]  # remove(op, step, id), e.g. steps.volumes.delete
Undo = Callable[[str], Awaitable[object]]  # undoes something; its steps begin with the name that it is given

_LOOK = 1.0  # seconds between two looks at a change that is under way
_CREATED_STEP = 1.1  # seconds; CloudStack's `created` has whole seconds, so after this time everybody sees one order


# Probes


def gone(
    command: str,
    struct: type[T],
    object_id: str,
    exists: Callable[[T], bool] | None = None,
    parameters: Mapping[str, object] | None = None,
) -> Probe:
    """Return a probe of a removal: it arrived if the list command no longer shows the object.

    `exists` tells whether a listed object counts, since CloudStack lists some that were removed. `parameters` go to the
    list command beside the id.
    """

    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all(command, struct, {**(parameters or {}), "id": object_id})
        return None if any(exists is None or exists(one) for one in found) else {}

    return probe


def reached(
    command: str,
    struct: type[T],
    object_id: str,
    test: Callable[[T], bool],
    under_way: Callable[[T], bool] | None = None,
) -> Probe:
    """Return a probe of a change: it arrived once the object passes the test. The result is the object as JSON.

    While the object passes `under_way`, CloudStack still works on it, so the probe looks again.
    """

    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all(command, struct, {"id": object_id})
        while under_way and any(under_way(one) for one in found):
            await asyncio.sleep(_LOOK)
            found = await op.cloudstack.list_all(command, struct, {"id": object_id})
        changed = next((one for one in found if test(one)), None)
        result: Mapping[str, Any] | None = None if changed is None else msgspec.to_builtins(changed)
        return result

    return probe


def arrived(find: Find, before: Collection[str] = ()) -> Probe:
    """Return a probe of a creation: the first object found whose id is not in `before`."""

    async def probe(op: Op) -> Mapping[str, Any] | None:
        return next((one for one in await find(op) if one["id"] not in before), None)

    return probe


# Create


async def ids_before(op: Op, step: str, find: Find) -> frozenset[str]:
    """Record which ids exist before anything is sent: their objects are never ours."""

    async def look() -> list[str]:
        return [str(one["id"]) for one in await find(op)]

    return frozenset(await op.decide(step, look))


async def create_unique(op: Op, step: str, command: str, parameters: Mapping[str, object], find: FindId) -> str:
    """Create an object whose name CloudStack keeps unique; return its id.

    Where CloudStack refuses because another operation was faster, return the id of that one's object.
    """

    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await find(op)
        return {"id": found} if found else None

    try:
        return str((await op.run(step, command, parameters, probe=probe))["id"])
    except Refusal:
        found = await op.decide(f"{step}-again", lambda: find(op))
        if not found:
            raise
        return found


class Candidate(Protocol):
    """An object that several operations may create at the same time."""

    @property
    def id(self) -> str:
        """CloudStack's id."""

    @property
    def created(self) -> str:
        """When it was created, to the second."""


AnyCandidate = TypeVar("AnyCandidate", bound=Candidate)


def oldest(candidates: Iterable[AnyCandidate]) -> AnyCandidate | None:
    """Return the candidate that everybody keeps: the oldest, of equally old ones the one with the lowest id."""
    return min(candidates, key=lambda one: (one.created, one.id), default=None)


async def elect(op: Op, step: str, created_id: str, find: Callable[[Op], Awaitable[Sequence[Candidate]]]) -> str:
    """Return the id of the candidate that everybody keeps, after the second in which ours was created.

    Use it where CloudStack takes several objects of one name. If the result is not `created_id`, delete ours.
    """

    async def look() -> str:
        await asyncio.sleep(_CREATED_STEP)
        elected = oldest(await find(op))
        return elected.id if elected else created_id

    return await op.decide(step, look)


async def settled(look: Callable[[], Awaitable[T | None]], pauses: Sequence[float] = (1.0,)) -> T:
    """Look until there is a result; `pauses` are the seconds between two looks, the last one repeats.

    Use it inside `op.decide`, for what CloudStack finishes after its answer was lost. It may take hours.
    """
    number = 0
    while (result := await look()) is None:
        await asyncio.sleep(pauses[min(number, len(pauses) - 1)])
        number += 1
    return result


# Undo


@asynccontextmanager
async def undoing(op: Op, failure: str) -> AsyncIterator[None]:
    """Undo or clean up inside the block. If CloudStack refuses, warn the client and go on.

    `failure` says what remains, as a sentence without a full stop: "The disk d1 could not be removed".
    """
    try:
        yield
    except Problem as problem:
        await op.warn(CLEANUP_FAILED, f"{failure}: {problem.message}")


class Rollback:
    """What must be undone if a later step fails, in the order in which it was done."""

    def __init__(self) -> None:
        self._undos: list[tuple[str, str, Undo]] = []

    def add(self, name: str, failure: str, undo: Undo) -> None:
        """Remember how to undo what was just done. `name` is part of step names; `failure` is as for `undoing`."""
        self._undos.append((name, failure, undo))

    def clear(self) -> None:
        """Undo nothing from here on: there is no way back."""
        self._undos.clear()

    async def run(self, op: Op, step: str) -> None:
        """Undo everything, last first."""
        for number, (name, failure, undo) in enumerate(reversed(self._undos)):
            async with undoing(op, failure):
                await undo(f"{step}-{number}-{name}")


@asynccontextmanager
async def rollback(op: Op, step: str) -> AsyncIterator[Rollback]:
    """If the block fails with a Problem, undo what was added, last first, in steps that begin with `step`."""
    undos = Rollback()
    try:
        yield undos
    except Problem:
        await undos.run(op, step)
        raise


@asynccontextmanager
async def removing_new(
    op: Op, step: str, find: Find, before: Collection[str], remove: Remove, failure: str
) -> AsyncIterator[None]:
    """If the block fails with a Problem, remove the objects whose ids are not in `before`, with their facts.

    `failure` is as for `undoing`; `step` begins the names of the steps.
    """

    async def look() -> list[str]:
        return [one_id for one in await find(op) if (one_id := str(one["id"])) not in before]

    try:
        yield
    except Problem:
        for object_id in await op.decide(f"{step}-look", look):
            async with undoing(op, failure):
                await remove(op, f"{step}-{object_id[:8]}", object_id)
                await op.forget(f"{step}-{object_id[:8]}-facts", object_id)
        raise


@asynccontextmanager
async def temporary(remove: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Remove something temporary when the block ends, well or with a Problem."""
    try:
        yield
    except Problem:
        await remove()
        raise
    await remove()
