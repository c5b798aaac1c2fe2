"""The journal as the gateway uses it: accept, answer, repeat, hold, wait, list, delete, stop, take over."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from fixtures.journals import Bench
from fixtures.works import OWNER
from gstack.db.engine import writing
from gstack.db.tables import operations
from gstack.errors import Problem
from gstack.operations.model import Operation
from gstack.operations.runner import Checkpoint

ZONE = "zones/z"


def fresh() -> str:
    return f"d-{uuid.uuid4().hex[:12]}"


def held_up(at: str = "begin") -> tuple[Checkpoint, asyncio.Event]:
    """A checkpoint that waits at a point until the event is set."""
    go = asyncio.Event()

    async def checkpoint(point: str) -> None:
        if point == at:
            await go.wait()

    return checkpoint, go


async def test_a_slow_operation_is_answered_running(bench: Bench) -> None:
    """After `answer_within` the operation is answered as it is, and goes on."""
    checkpoint, go = held_up()
    journal = bench.journal(checkpoint=checkpoint, answer_within=0.1)
    begun = await journal.start(bench.draft(fresh()))
    assert (begun.status, begun.progress, begun.end_time) == ("RUNNING", 0, None)
    assert await journal.operations.get(OWNER, ZONE, begun.name) == begun
    go.set()
    assert (await bench.done(journal, begun)).faults == ()


async def test_a_client_that_goes_away_takes_nothing_with_it(bench: Bench) -> None:
    """A cancelled request leaves the accepted operation running to its end."""
    name, journal = fresh(), bench.journal()
    request = asyncio.create_task(journal.start(bench.draft(name)))
    await asyncio.sleep(0)  # the request began
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    accepted: list[Operation] = []
    for _ in range(1000):
        if accepted := await journal.operations.page(OWNER, ZONE, limit=10, offset=0):
            break
        await asyncio.sleep(0.02)
    [begun] = accepted
    await bench.done(journal, begun)
    assert len(await bench.volumes(name)) == 1


async def test_a_repeated_request_is_the_same_operation(bench: Bench) -> None:
    """A requestId seen before gives its operation again, from another worker too, and nothing is done twice."""
    name, request = fresh(), str(uuid.uuid4())
    drafts = [bench.draft(name, request_id=request) for _ in range(4)]
    one, two = bench.journal(), bench.journal()
    answers = await asyncio.gather(*(journal.start(each) for journal, each in zip([one, two] * 2, drafts, strict=True)))
    assert {answer.name for answer in answers} == {answers[0].name}
    assert {answer.status for answer in answers} == {"DONE"}
    assert len(await bench.volumes(name)) == 1
    assert (await one.start(drafts[0])).name == answers[0].name
    assert await two.operations.of_request(OWNER, "compute.disks.insert", request) == answers[0]
    assert await two.operations.of_request(OWNER, "compute.disks.delete", request) is None
    assert await two.operations.of_request("other", "compute.disks.insert", request) is None


async def test_a_request_id_stands_for_one_resource(bench: Bench) -> None:
    """The same requestId for another disk is refused with 409 and begins nothing."""
    request, name, journal = str(uuid.uuid4()), fresh(), bench.journal()
    await journal.start(bench.draft(fresh(), request_id=request))
    with pytest.raises(Problem, match="requestId") as refused:
        await journal.start(bench.draft(name, request_id=request))
    assert (refused.value.status, refused.value.reason) == (409, "conflict")
    assert len(await journal.operations.page(OWNER, None, limit=10, offset=0)) == 1


async def test_a_request_id_is_forgotten_after_a_day(bench: Bench) -> None:
    """The same requestId a day later begins a new operation."""
    request, journal = str(uuid.uuid4()), bench.journal()
    first = await journal.start(bench.draft(fresh(), "test.nothing", request_id=request))
    async with writing(bench.engine) as connection:
        old = datetime.now(UTC) - timedelta(hours=25)
        await connection.execute(update(operations).values(insert_time=old))
    second = await journal.start(bench.draft(fresh(), "test.nothing", request_id=request))
    assert first.name != second.name


async def test_a_name_is_held_while_its_operation_runs(bench: Bench) -> None:
    """Another insert of the name is 409, any other change of it 400; another owner is free; then it is free again."""
    checkpoint, go = held_up()
    journal, name = bench.journal(checkpoint=checkpoint, answer_within=0.1), fresh()
    begun = await journal.start(bench.draft(name, "test.nothing", holds=(f"{ZONE}/disks/{name}", f"{ZONE}/disks/x")))
    assert await journal.operations.holder(OWNER, f"{ZONE}/disks/{name}") == begun
    assert await journal.operations.holder("other", f"{ZONE}/disks/{name}") is None

    with pytest.raises(Problem, match=f"'projects/demo/{ZONE}/disks/{name}' already exists") as exists:
        await journal.start(bench.draft(name, "test.nothing"))
    assert (exists.value.status, exists.value.reason) == (409, "alreadyExists")

    with pytest.raises(Problem, match="is not ready") as busy:
        await journal.start(bench.draft(name, "test.nothing", operation_type="delete"))
    assert (busy.value.status, busy.value.reason) == (400, "resourceNotReady")

    with pytest.raises(Problem, match="disks/x' is not ready"):
        await journal.start(bench.draft("new", "test.nothing", holds=(f"{ZONE}/disks/new", f"{ZONE}/disks/x")))

    go.set()
    foreign = await journal.start(bench.draft(name, "test.nothing", owner="other"))
    assert foreign.status in {"RUNNING", "DONE"}
    await bench.done(journal, begun)
    assert (await bench.done(journal, await journal.start(bench.draft(name, "test.nothing")))).faults == ()


async def test_of_many_at_once_one_gets_the_name(bench: Bench) -> None:
    """Of twenty inserts of one name by two workers, one is accepted and all others are 409."""
    checkpoint, go = held_up()
    name, workers = fresh(), [bench.journal(checkpoint=checkpoint, answer_within=0.1) for _ in range(2)]
    starts = (workers[number % 2].start(bench.draft(name)) for number in range(20))
    outcomes = await asyncio.gather(*starts, return_exceptions=True)
    assert [outcome.status for outcome in outcomes if isinstance(outcome, Problem)] == [409] * 19
    go.set()
    [accepted] = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert (await bench.done(workers[0], accepted)).faults == ()
    assert len(await bench.volumes(name)) == 1


async def test_wait_sees_the_end_in_another_process(bench: Bench) -> None:
    """`wait` at a worker that does not run the operation answers soon after it ended elsewhere."""
    checkpoint, go = held_up()
    runs, waits = bench.journal(checkpoint=checkpoint, answer_within=0.1), bench.journal()
    begun = await runs.start(bench.draft(fresh(), "test.nothing"))
    waiting = asyncio.create_task(waits.wait(OWNER, ZONE, begun.id))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    go.set()
    ended = await asyncio.wait_for(waiting, 2)
    assert ended is not None
    assert ended.status == "DONE"


async def test_wait_ends_at_its_limit(bench: Bench) -> None:
    """After `wait_limit` the operation is answered as it is, wherever it runs; an unknown one is None."""
    checkpoint, go = held_up()
    journal = bench.journal(checkpoint=checkpoint, answer_within=0.1, wait_limit=0.3)
    begun = await journal.start(bench.draft(fresh(), "test.nothing"))
    for waits in (journal, bench.journal(wait_limit=0.3)):
        found = await waits.wait(OWNER, ZONE, begun.name)
        assert found is not None
        assert found.status == "RUNNING"
    assert await journal.wait(OWNER, ZONE, "operation-unknown") is None
    go.set()


async def test_a_stop_gives_work_back_at_once(bench: Bench) -> None:
    """A worker that stops while a job runs returns within its grace, and the next one goes on without delay."""
    name, journal = fresh(), bench.journal(answer_within=0.1)
    await bench.cloud.fault("queryAsyncJobResult", "slow", seconds=3)
    begun = await journal.start(bench.draft(name))
    before = asyncio.get_running_loop().time()
    await journal.stop(5)
    assert asyncio.get_running_loop().time() - before < 1
    await bench.cloud.calm()
    with pytest.raises(Problem) as refused:
        await journal.start(bench.draft(fresh()))
    assert refused.value.status == 503
    heir = bench.journal()
    await heir.start_background()
    ended = await bench.done(heir, begun)
    assert (ended.faults, ended.progress) == ((), 100)
    assert len(await bench.volumes(name)) == 1


async def test_a_stop_lets_a_send_be_recorded(bench: Bench) -> None:
    """What is being sent when a stop comes ends and is recorded: the next worker need not look for it."""
    name, journal = fresh(), bench.journal(answer_within=0.1)
    await bench.cloud.fault("createVolume", "slow", seconds=0.6, count=1)
    begun = await journal.start(bench.draft(name))
    await journal.stop(5)
    heir = bench.journal()
    await heir.start_background()
    await bench.done(heir, begun)
    assert bench.cloudstack.calls["createVolume"] == 1
    assert len(await bench.volumes(name)) == 1


async def test_waiters_do_not_hold_up_a_stop(bench: Bench) -> None:
    """A `wait` in progress answers when the worker stops."""
    checkpoint, go = held_up()
    journal = bench.journal(checkpoint=checkpoint, answer_within=0.1)
    begun = await journal.start(bench.draft(fresh(), "test.nothing"))
    waiting = asyncio.create_task(journal.wait(OWNER, ZONE, begun.name))
    await asyncio.sleep(0.05)
    stopping = asyncio.create_task(journal.stop(2))
    found = await asyncio.wait_for(waiting, 1)
    assert found is not None
    assert found.status == "RUNNING"
    go.set()
    await stopping


async def test_keys_that_are_gone_fail_the_operation(bench: Bench) -> None:
    """Without the key pair that it was accepted with, the operation fails and says why; its name is free again."""
    journal, name = bench.journal(), fresh()
    ended = await journal.start(bench.draft(name, credential="credential-unknown"))
    ended = await bench.done(journal, ended)
    assert [fault.code for fault in ended.faults] == ["CREDENTIALS_GONE"]
    assert ended.http_status == 403
    assert await journal.operations.holder(OWNER, f"{ZONE}/disks/{name}") is None


async def test_several_workers_share_the_work_of_a_dead_one(bench: Bench) -> None:
    """Thirty operations left behind are taken over by three workers: each ends once."""
    names = [fresh() for _ in range(30)]
    never, reached = asyncio.Event(), asyncio.Semaphore(0)

    async def checkpoint(point: str) -> None:
        if point == "create:intent":
            reached.release()
            await never.wait()

    victim = bench.journal(checkpoint=checkpoint, answer_within=0.01)
    for name in names:
        await victim.start(bench.draft(name))
    for _ in names:  # each write prolongs the lease: the last must be behind us before they expire
        await reached.acquire()
    await bench.expire_leases()
    heirs = [bench.journal() for _ in range(3)]
    await asyncio.gather(*(heir.start_background() for heir in heirs))
    for begun in await heirs[0].operations.page(OWNER, None, limit=50, offset=0):
        assert (await bench.done(heirs[0], begun)).faults == ()
    found = await bench.client.list_all("listVolumes", dict)
    assert sorted(volume["name"] for volume in found if volume["name"] in names) == sorted(names)


async def test_leases_are_renewed_while_work_runs(bench: Bench) -> None:
    """An operation that runs longer than a lease stays with its worker."""
    checkpoint, go = held_up("create:intent")
    journal = bench.journal(checkpoint=checkpoint, answer_within=0.1, lease=0.6)
    await journal.start_background()
    begun = await journal.start(bench.draft(fresh()))
    other = bench.journal(lease=0.6)
    await other.start_background()
    await asyncio.sleep(1.5)
    go.set()
    ended = await bench.done(journal, begun)
    assert ended.faults == ()
    assert bench.cloudstack.calls["createVolume"] == 1


async def test_a_run_that_lost_the_database_goes_on_before_its_lease_ends(bench: Bench) -> None:
    """Its own process takes the operation up again at once, whatever the lease, and nothing is sent twice."""
    lost = asyncio.Event()

    async def checkpoint(point: str) -> None:
        if point == "create:job" and not lost.is_set():
            lost.set()
            raise ConnectionResetError

    journal, name = bench.journal(checkpoint=checkpoint, answer_within=0.1, lease=300), fresh()
    begun = await journal.start(bench.draft(name))
    await lost.wait()
    await journal.start_background()
    assert (await bench.done(journal, begun)).faults == ()
    assert bench.cloudstack.calls["createVolume"] == 1


async def test_old_operations_are_removed(bench: Bench) -> None:
    """What ended more than `keep_days` ago goes in the background; younger and unfinished ones stay."""
    checkpoint, go = held_up()
    journal = bench.journal()
    old = await journal.start(bench.draft(fresh(), "test.nothing"))
    young = await journal.start(bench.draft(fresh(), "test.nothing"))
    running = await bench.journal(checkpoint=checkpoint, answer_within=0.1).start(bench.draft(fresh(), "test.nothing"))
    async with writing(bench.engine) as connection:
        ended = datetime.now(UTC) - timedelta(days=15)
        await connection.execute(update(operations).where(operations.c.name == old.name).values(end_time=ended))
    await journal.start_background()
    await asyncio.sleep(0.3)
    left = await journal.operations.page(OWNER, None, limit=10, offset=0)
    assert [each.name for each in left] == [young.name, running.name]
    go.set()


async def test_many_operations_at_once(bench: Bench) -> None:
    """A hundred operations at once all end, with few looks at their jobs: the poller is shared."""
    journal, names = bench.journal(poll_interval=0.2), [fresh() for _ in range(100)]
    ended = await asyncio.gather(*(journal.start(bench.draft(name)) for name in names))
    assert {(each.status, each.faults) for each in ended} == {("DONE", ())}
    assert bench.cloudstack.calls["createVolume"] == 100
    assert bench.cloudstack.calls["queryAsyncJobResult"] <= 220
