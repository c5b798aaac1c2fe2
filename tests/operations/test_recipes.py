"""The pieces of works, on the real runner and the sandbox: lost answers, refusals, and operations at the same time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from fixtures.journals import Bench
from fixtures.works import OWNER
from gstack.errors import Problem
from gstack.operations.model import Op, Operation, work
from gstack.operations.nested import Nested
from gstack.operations.recipes import (
    arrived,
    create_unique,
    elect,
    gone,
    ids_before,
    oldest,
    reached,
    removing_new,
    rollback,
    settled,
    temporary,
    undoing,
)

KIND = "disks"


class Volume(msgspec.Struct, frozen=True):
    """A volume or a network, as far as these tests look at it."""

    id: str
    name: str = ""
    state: str = ""
    size: int = 0
    created: str = ""


class Request(msgspec.Struct, frozen=True):
    """What the works of this file are asked for. `fails`: its last step fails; `refused`: what undoes it fails too."""

    name: str
    zone: str
    offering: str
    fails: bool = False
    refused: bool = False


def named(name: str) -> Callable[[Op], Awaitable[Sequence[Mapping[str, Any]]]]:
    async def find(op: Op) -> list[dict[str, Any]]:
        return await op.cloudstack.list_all("listVolumes", dict[str, Any], {"name": name})

    return find


async def delete(op: Op, step: str, volume_id: str) -> None:
    await op.run(step, "deleteVolume", {"id": volume_id}, probe=gone("listVolumes", Volume, volume_id))


async def refuse(op: Op, step: str, volume_id: str) -> None:
    await delete(op, step, f"{volume_id[:-1]}{'0' if volume_id[-1] != '0' else '1'}")


async def create(op: Op, request: Request, step: str, known: frozenset[str]) -> str:
    parameters = {"name": request.name, "zoneid": request.zone, "diskofferingid": request.offering, "size": 1}
    return str((await op.run(step, "createVolume", parameters, probe=arrived(named(request.name), known)))["id"])


@work("test.recipes.create", Request)
async def create_one(op: Op, request: Request) -> None:
    """One more volume of a name, with facts; nothing remains where a later step fails."""
    find = named(request.name)
    known = await ids_before(op, "known", find)
    remove = refuse if request.refused else delete
    async with removing_new(op, "undo", find, known, remove, f"The disk {request.name} could not be removed"):
        volume_id = await create(op, request, "create", known)
        await op.keep("facts", volume_id, KIND, {"name": request.name})
        if request.fails:
            raise Problem.exhausted("Full.")


@work("test.recipes.resize", Request)
async def resize_one(op: Op, request: Request) -> None:
    """A volume that lives while it is resized."""
    volume_id = await create(op, request, "create", frozenset())
    async with temporary(lambda: delete(op, "delete", volume_id)):
        probe = reached("listVolumes", Volume, volume_id, lambda one: one.size == 2 << 30)
        resized = await op.run("resize", "resizeVolume", {"id": volume_id, "size": 2}, probe=probe)
        await op.target(str(resized["id"]))
        if request.fails:
            raise Problem.exhausted("Full.")


@work("test.recipes.rollback", Request)
async def undo_in_turn(op: Op, request: Request) -> None:
    """Three things that can be undone, of which the second cannot."""

    async def undo(step: str) -> None:
        await op.keep(step, "undone", KIND, {step: True})

    async with rollback(op, "undo") as undos:
        undos.add("first", "The first could not be undone", undo)
        undos.add("second", "The second could not be undone", lambda step: refuse(op, step, str(uuid.uuid4())))
        undos.add("third", "The third could not be undone", undo)
        if not request.fails:
            undos.clear()
        raise Problem.exhausted("Full.")


@work("test.recipes.group", Request)
async def group(op: Op, request: Request) -> None:
    """A security group, whose name CloudStack keeps unique."""

    async def find(op: Op) -> str:
        found = await op.cloudstack.list_all("listSecurityGroups", Volume, {"securitygroupname": request.name})
        return found[0].id if found else ""

    parameters = {"name": request.name, "domainid": "none" if request.refused else None}
    await op.target(await create_unique(op, "group", "createSecurityGroup", parameters, find))


@work("test.recipes.elect", Request)
async def elect_one(op: Op, request: Request) -> None:
    """One volume of the name remains, however many operations create one at once."""

    async def find(op: Op) -> list[Volume]:
        return await op.cloudstack.list_all("listVolumes", Volume, {"name": request.name})

    created = await create(op, request, "create", await ids_before(op, "known", named(request.name)))
    chosen = await elect(op, "elect", created, find)
    await op.target(chosen)
    if chosen != created:
        async with undoing(op, f"The second disk {created} could not be removed"):
            await delete(op, "withdraw", created)


@work("test.recipes.forget", Request)
async def keep_and_forget(op: Op, request: Request) -> None:
    """Facts come and go, also in a work inside another."""
    inner = Nested(op, "inner")
    for step, at in (("a", op), ("b", inner), ("c", inner)):
        await at.keep(step, f"{request.name}-{step}", KIND, {"name": step})
    await inner.forget("gone", f"{request.name}-a", f"{request.name}-b")


def fresh() -> str:
    return f"d-{uuid.uuid4().hex[:12]}"


async def perform(bench: Bench, name: str, work_name: str, **request: Any) -> Operation:
    journal = bench.journal()
    return await bench.done(journal, await journal.start(of(bench, name, work_name, **request)))


def of(bench: Bench, name: str, work_name: str, **request: Any) -> Any:
    return bench.draft(name, work_name, args={"name": name, **bench.place, **request}, holds=())


async def by_hand(bench: Bench, name: str) -> str:
    parameters = {"name": name, "zoneid": bench.place["zone"], "diskofferingid": bench.place["offering"], "size": 1}
    answer = await bench.client.send("createVolume", parameters)
    return str((await bench.client.finish("createVolume", answer["jobid"]))["id"])


@pytest.mark.parametrize("kind", ["lost", "none"])
async def test_an_object_is_told_from_those_of_its_name(bench: Bench, kind: str) -> None:
    """Whether or not its answer is lost, one volume is created beside the one that has the name, and is found again."""
    name = fresh()
    other = await by_hand(bench, name)
    if kind != "none":
        await bench.cloud.fault("createVolume", kind, count=1)
    operation = await perform(bench, name, "test.recipes.create")
    assert operation.faults == ()
    created = [volume["id"] for volume in await bench.volumes(name) if volume["id"] != other]
    assert len(created) == 1
    assert list(await bench.sidecar.facts([other, *created])) == created


async def test_a_failure_removes_what_is_new_alone(bench: Bench) -> None:
    """What was there before stays; what was created goes, with its facts."""
    name = fresh()
    other = await by_hand(bench, name)
    operation = await perform(bench, name, "test.recipes.create", fails=True)
    assert [fault.message for fault in operation.faults] == ["Full."]
    assert [volume["id"] for volume in await bench.volumes(name)] == [other]
    assert await bench.sidecar.named(OWNER, KIND, name) is None


async def test_what_could_not_be_removed_is_said(bench: Bench) -> None:
    """Where CloudStack refuses the removal the client reads what remains, and the first fault is the one shown."""
    name = fresh()
    operation = await perform(bench, name, "test.recipes.create", fails=True, refused=True)
    assert [warned.code for warned in operation.warnings] == ["CLEANUP_FAILED"]
    assert operation.faults[0].message.startswith(f"Full. The disk {name} could not be removed: ")
    assert len(await bench.volumes(name)) == 1
    assert await bench.sidecar.named(OWNER, KIND, name) is not None


@pytest.mark.parametrize("fails", [True, False])
async def test_something_temporary_goes_either_way(bench: Bench, *, fails: bool) -> None:
    """A temporary object is removed after success and after a failure, also where answers are lost."""
    name = fresh()
    for command in ("resizeVolume", "deleteVolume"):
        await bench.cloud.fault(command, "lost", count=1)
    operation = await perform(bench, name, "test.recipes.resize", fails=fails)
    assert (len(operation.faults), bool(operation.target.id)) == (int(fails), True)
    assert await bench.volumes(name) == []


async def test_a_rollback_undoes_last_first(bench: Bench) -> None:
    """Every undo is tried, in reverse order; what cannot be undone is named."""
    operation = await perform(bench, fresh(), "test.recipes.rollback", fails=True)
    assert operation.faults[0].message.startswith("Full. The second could not be undone: ")
    assert await bench.sidecar.facts(["undone"]) == {"undone": {"undo-0-third": True, "undo-2-first": True}}


async def test_a_cleared_rollback_undoes_nothing(bench: Bench) -> None:
    """After the point of no return a failure leaves everything as it is."""
    operation = await perform(bench, fresh(), "test.recipes.rollback")
    assert [fault.message for fault in operation.faults] == ["Full."]
    assert await bench.sidecar.facts(["undone"]) == {}


async def test_two_operations_share_what_has_a_unique_name(bench: Bench) -> None:
    """Both create it at once, one is refused, and both end with the same id."""
    name, journal = fresh(), bench.journal()
    begun = [await journal.start(of(bench, name, "test.recipes.group")) for _ in range(2)]
    ended = [await bench.done(journal, operation) for operation in begun]
    groups = await bench.groups(name)
    assert [(one.faults, one.target.id) for one in ended] == [((), groups[0]["id"])] * 2
    assert len(groups) == 1


async def test_a_refusal_of_a_name_that_nobody_has_is_the_outcome(bench: Bench) -> None:
    """The look after a refusal explains it only if it finds something."""
    operation = await perform(bench, fresh(), "test.recipes.group", refused=True)
    assert (operation.http_status, len(operation.faults)) == (400, 1)


async def test_the_oldest_of_several_is_kept(bench: Bench) -> None:
    """Operations that create one of a name at the same time agree on the oldest and remove the others."""
    name, journal = fresh(), bench.journal()
    begun = await asyncio.gather(*(journal.start(of(bench, name, "test.recipes.elect")) for _ in range(3)))
    ended = [await bench.done(journal, operation) for operation in begun]
    remaining = await bench.volumes(name)
    assert len(remaining) == 1
    assert {operation.target.id for operation in ended} == {remaining[0]["id"]}


def test_of_equally_old_candidates_the_lowest_id_is_chosen() -> None:
    """CloudStack's times have whole seconds, so the id decides within one; of none, none is chosen."""
    candidates = [
        Volume("b", created="2026-01-01"),
        Volume("a", created="2026-01-02"),
        Volume("c", created="2026-01-01"),
    ]
    assert oldest(candidates) == candidates[0]
    assert oldest([]) is None


async def test_facts_are_kept_and_dropped_in_steps(bench: Bench) -> None:
    """A work writes facts and drops rows, several at once, under its own step names."""
    name = fresh()
    operation = await perform(bench, name, "test.recipes.forget")
    assert operation.faults == ()
    assert await bench.sidecar.facts(f"{name}-{step}" for step in "abc") == {f"{name}-c": {"name": "c"}}


async def test_looking_ends_with_a_result() -> None:
    """None means: look again. Anything else is the result, a false one too."""
    answers = [None, None, ""]

    async def look() -> str | None:
        await asyncio.sleep(0)
        return answers.pop(0)

    assert await settled(look, (0.0, 0.001)) == ""
    assert answers == []


class Growing:
    """A CloudStack whose volume is Resizing for two looks: the sandbox resizes too fast to be seen at it."""

    def __init__(self) -> None:
        self.looks = 0

    async def list_all(self, _command: str, into: type[Volume], _parameters: Mapping[str, object]) -> list[Volume]:
        self.looks += 1
        return [into(id="v", state="Resizing" if self.looks < 3 else "Ready", size=0 if self.looks < 3 else 7)]


async def test_a_change_under_way_is_not_sent_again() -> None:
    """A probe does not say that a change never arrived while CloudStack still works on it."""
    cloudstack = Growing()
    op = cast("Op", SimpleNamespace(cloudstack=cloudstack))
    probe = reached("listVolumes", Volume, "v", lambda one: one.size == 7, lambda one: one.state == "Resizing")
    found = await probe(op)
    assert found is not None
    assert (found["size"], cloudstack.looks) == (7, 3)
