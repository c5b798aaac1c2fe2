"""Works run step by step; what was sent, lost, refused or interrupted ends in exactly one effect."""

import asyncio
import sys
import uuid
from collections.abc import Awaitable, Callable

import pytest

from fixtures.journals import Bench
from fixtures.works import OWNER
from gstack.operations.model import Operation
from gstack.operations.runner import SILENT

POINTS = (
    "begin",
    "suffix:made",
    "suffix:done",
    "create:intent",
    "create:sent",
    "create:job",
    "create:ended",
    "create:done",
    "group:intent",
    "group:sent",
    "group:done",
    "note:done",
    "end",
)


class Crash(BaseException):
    """The process dies here: nothing of the journal's may catch it."""


def crash_at(point: str) -> Callable[[str], Awaitable[None]]:
    async def checkpoint(here: str) -> None:
        if here == point:
            raise Crash(point)

    return checkpoint


def fresh() -> str:
    return f"d-{uuid.uuid4().hex[:12]}"


async def one_effect(bench: Bench, operation: Operation, name: str) -> None:
    """The operation is DONE without a fault and its work was done exactly once."""
    assert (operation.status, operation.progress, operation.faults) == ("DONE", 100, ())
    assert operation.end_time is not None
    assert operation.target.id == "4711"
    volumes = await bench.volumes(name)
    assert [volume["name"] for volume in volumes] == [name]
    assert len(await bench.groups(name)) == 1
    facts = await bench.sidecar.facts([volumes[0]["id"]])
    assert facts[volumes[0]["id"]]["name"] == name


async def test_a_work_of_several_steps_ends_done(bench: Bench) -> None:
    """An operation that finishes in time is answered DONE, with its effect there once and its holds gone."""
    name, journal = fresh(), bench.journal()
    operation = await journal.start(bench.draft(name))
    await one_effect(bench, operation, name)
    assert operation.status_message == "The volume is there."
    assert await journal.operations.get(OWNER, "zones/z", operation.name) == operation
    assert await journal.operations.holder(OWNER, f"zones/z/disks/{name}") is None


async def test_what_a_work_shows(bench: Bench) -> None:
    """Progress never goes down and a warning is said once."""
    operation = await bench.journal().start(bench.draft(fresh(), "test.nothing"))
    assert operation.status_message == "half"
    assert [(each.code, each.message, each.data) for each in operation.warnings] == [
        ("FIELD_VALUE_OVERRIDEN", "said once", {"field": "f"})
    ]


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_anywhere_leaves_one_effect(bench: Bench, point: str) -> None:
    """Whichever point the process dies at, the next one ends the work, and nothing is done twice."""
    name = fresh()
    victim = bench.victim(crash_at(point))
    begun = await victim.start(bench.draft(name))
    assert begun.status == "RUNNING"
    await bench.expire_leases()
    heir = bench.journal()
    await heir.start_background()
    await one_effect(bench, await bench.done(heir, begun), name)


_VICTIM = """
import asyncio, os, sys, json
from fixtures.works import draft
from gstack.cloudstack.client import CloudStack, KeyPair
from gstack.config import OperationSettings
from gstack.db.engine import create_engine
from gstack.db.sidecar import Sidecar
from gstack.operations.journal import Journal

url, cloud, key, secret, point, args = sys.argv[1:]

async def checkpoint(here):
    if here == point:
        os._exit(9)

async def keys(_):
    return KeyPair(key, secret)

async def main():
    engine = create_engine(url)
    times = OperationSettings(poll_interval=0.03)
    journal = Journal(engine, CloudStack(cloud), keys, times, Sidecar(engine), checkpoint)
    values = json.loads(args)
    await journal.start(draft(values["name"], args=values))

asyncio.run(main())
"""


@pytest.mark.parametrize("point", ["begin", "create:sent", "create:job", "end"])
async def test_a_killed_process_is_replaced_at_once(bench: Bench, database_url: str, point: str) -> None:
    """A process of this machine that was killed is known to be dead: its lease of half a minute is not awaited."""
    name, keys = fresh(), bench.cloud.keys
    words = [database_url, bench.cloud.url, keys.api_key, keys.secret_key, point]
    arguments = bench.draft(name).args
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _VICTIM, *words, str(arguments).replace("'", '"'), env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert await process.wait() == 9
    heir = bench.journal()
    [begun] = await heir.operations.page(OWNER, None, limit=10, offset=0)
    assert begun.status == "RUNNING"
    await heir.start_background()
    await one_effect(bench, await bench.done(heir, begun), name)


@pytest.mark.parametrize("command", ["createVolume", "createSecurityGroup", "queryAsyncJobResult"])
@pytest.mark.parametrize("kind", ["drop", "lost", "error"])
async def test_answers_that_never_came(bench: Bench, command: str, kind: str) -> None:
    """A call that was dropped before or after it was done, or a 503, is looked for and made good: one effect."""
    name = fresh()
    await bench.cloud.fault(command, kind, count=2)
    operation = await bench.journal().start(bench.draft(name))
    await one_effect(bench, operation, name)


async def test_looking_for_a_lost_answer_waits_too(bench: Bench) -> None:
    """The look for a lost send meets a silent CloudStack: it is repeated, and the send is not."""
    name = fresh()
    await bench.cloud.fault("createVolume", "lost", count=1)
    await bench.cloud.fault("listVolumes", "drop", count=3)
    operation = await bench.journal().start(bench.draft(name))
    await one_effect(bench, operation, name)
    assert bench.cloudstack.calls["createVolume"] == 1


async def test_a_removal_whose_answer_was_lost_is_repeated(bench: Bench) -> None:
    """The undo is sent again after a lost answer and finds its object gone: that is what it wanted."""
    name = fresh()
    await bench.cloud.fault("createVolume", "job_failed", count=1, errorcode=535, errortext="too many volumes")
    await bench.cloud.fault("deleteSecurityGroup", "lost", count=1)
    operation = await bench.journal().start(bench.draft(name, "test.undo"))
    assert [fault.code for fault in operation.faults] == ["QUOTA_EXCEEDED"]
    assert bench.cloudstack.calls["deleteSecurityGroup"] == 2


async def test_a_silent_cloud_is_waited_for(bench: Bench) -> None:
    """While CloudStack does not answer, the operation runs on and says so; then it ends well."""
    name, journal = fresh(), bench.journal(answer_within=0.5)
    await bench.cloud.fault("*", "drop")
    operation = await journal.start(bench.draft(name))
    assert (operation.status, operation.status_message) == ("RUNNING", SILENT)
    await bench.cloud.calm()
    operation = await bench.done(journal, operation)
    await one_effect(bench, operation, name)
    assert operation.status_message == "The volume is there."


async def test_a_refused_step_fails_the_operation(bench: Bench) -> None:
    """What CloudStack refuses is the operation's error, in Google's three places."""
    name, journal = fresh(), bench.journal()
    await bench.client.send("createSecurityGroup", {"name": name})
    operation = await journal.start(bench.draft(name))
    assert operation.status == "DONE"
    assert operation.http_status == 400
    assert operation.http_message == "BAD REQUEST"
    [fault] = operation.faults
    assert "createSecurityGroup" in fault.message
    assert await journal.operations.get(OWNER, "zones/z", operation.id) == operation


@pytest.mark.parametrize("point", ["", "group:done", "create:job", "create:ended", "create:done", "undo:sent"])
async def test_a_failed_job_is_undone(bench: Bench, point: str) -> None:
    """A failed job raises in the work, which takes back what it made; also where the process died on the way."""
    name = fresh()
    await bench.cloud.fault("createVolume", "job_failed", count=1, errorcode=535, errortext="too many volumes")
    journal = bench.victim(crash_at(point)) if point else bench.journal()
    operation = await journal.start(bench.draft(name, "test.undo"))
    if point:
        assert operation.status == "RUNNING"
        await bench.expire_leases()
        heir = bench.journal()
        await heir.start_background()
        operation = await bench.done(heir, operation)
    assert [fault.code for fault in operation.faults] == ["QUOTA_EXCEEDED"]
    assert "too many volumes" in operation.http_message or "too many volumes" in operation.faults[0].message
    assert await bench.groups(name) == []


async def test_a_job_that_cloudstack_forgot(bench: Bench) -> None:
    """A job that is gone: its effect is looked for; where there is none, the operation fails and says why."""
    name, lost = fresh(), fresh()
    for each, effect in ((name, True), (lost, False)):
        victim = bench.victim(crash_at("create:job"))
        begun = await victim.start(bench.draft(each))
        await asyncio.sleep(0.3)  # the job ends
        world = bench.cloud.sandbox.sandbox.world
        world.delete("job", world.all("job")[-1]["id"])
        if not effect:
            await bench.client.send("deleteVolume", {"id": (await bench.volumes(each))[0]["id"]})
        await bench.expire_leases()
        heir = bench.journal()
        await heir.start_background()
        ended = await bench.done(heir, begun)
        assert [fault.code for fault in ended.faults] == ([] if effect else ["OPERATION_LOST"])
    assert len(await bench.volumes(name)) == 1


async def test_a_worker_that_lost_its_lease_stops(bench: Bench) -> None:
    """A worker whose operation was taken over while it slept sends and records nothing more."""
    name, asleep, wake = fresh(), asyncio.Event(), asyncio.Event()

    async def sleep(point: str) -> None:
        if point == "create:done":
            asleep.set()
            await wake.wait()

    sleeper = bench.journal(checkpoint=sleep, answer_within=0.1)
    begun = await sleeper.start(bench.draft(name))
    await asyncio.wait_for(asleep.wait(), 5)
    await bench.expire_leases()
    heir = bench.journal()
    await heir.start_background()
    ended = await bench.done(heir, begun)
    groups_sent = bench.cloudstack.calls["createSecurityGroup"]
    wake.set()
    await asyncio.sleep(0.3)
    assert bench.cloudstack.calls["createSecurityGroup"] == groups_sent
    assert await heir.operations.get(OWNER, "zones/z", begun.name) == ended
    await one_effect(bench, ended, name)


async def test_a_fault_of_ours_is_an_internal_error(bench: Bench) -> None:
    """A work that breaks ends its operation with INTERNAL_ERROR and shows nothing of the inside."""
    operation = await bench.journal().start(bench.draft(fresh(), "test.twice"))
    assert [(fault.code, fault.message) for fault in operation.faults] == [
        ("INTERNAL_ERROR", "Internal error. It was recorded.")
    ]
    assert operation.http_status == 500
