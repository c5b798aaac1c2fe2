"""Looking at CloudStack's jobs: shared, slower with age, patient."""

import asyncio
import uuid
from typing import Any

from fixtures.journals import Bench
from gstack.cloudstack.client import Refusal
from gstack.operations.jobs import Jobs, News, Watch


async def submit(bench: Bench) -> str:
    name = f"d-{uuid.uuid4().hex[:12]}"
    parameters = {"name": name, "zoneid": bench.place["zone"], "diskofferingid": bench.place["offering"], "size": 1}
    answer = await bench.client.send("createVolume", parameters)
    return str(answer["jobid"])


async def news_of(watch: Watch) -> list[News]:
    """All news up to the end."""
    found: list[News] = []
    while not found or isinstance(found[-1], bool):
        found.append(await asyncio.wait_for(watch.news.get(), 10))
    return found


async def test_a_job_is_looked_at_until_it_ends(bench: Bench) -> None:
    """The news of a job is its end, with its result."""
    jobs = Jobs(0.02)
    watch = jobs.watch("demo", bench.client, await submit(bench))
    [job] = await news_of(watch)
    assert isinstance(job, dict)
    assert job["jobstatus"] == 1
    assert "volume" in job["jobresult"]
    await jobs.stop()


async def test_many_jobs_are_looked_at_together(bench: Bench) -> None:
    """Thirty jobs of one caller: one list tells which are pending, and each result is queried about once."""
    jobs = Jobs(0.05)
    watches = [
        jobs.watch("demo", bench.client, job) for job in await asyncio.gather(*(submit(bench) for _ in range(30)))
    ]
    for watch in watches:
        [job] = await news_of(watch)
        assert isinstance(job, dict)
        assert job["jobstatus"] == 1
    assert bench.cloudstack.calls["queryAsyncJobResult"] < 36
    assert bench.cloudstack.calls["listAsyncJobs"] < 15
    await jobs.stop()


async def test_silence_is_told_once_and_its_end_too(bench: Bench) -> None:
    """While CloudStack does not answer, the waiting ones are told; then that it answers; then the result."""
    jobs = Jobs(0.02)
    await bench.cloud.fault("queryAsyncJobResult", "drop", count=3)
    watch = jobs.watch("demo", bench.client, await submit(bench))
    news = await news_of(watch)
    assert [each for each in news if isinstance(each, bool)] in ([True], [True, False])
    assert isinstance(news[-1], dict)
    await jobs.stop()


async def test_a_job_of_nothing_is_a_refusal(bench: Bench) -> None:
    """A job that CloudStack does not know (any more) ends with a Refusal that says `missing`."""
    jobs = Jobs(0.02)
    watch = jobs.watch("demo", bench.client, str(uuid.uuid4()))
    [refusal] = await news_of(watch)
    assert isinstance(refusal, Refusal)
    assert refusal.missing
    await jobs.stop()


async def test_a_forgotten_job_is_not_looked_at(bench: Bench) -> None:
    """When nobody waits any more, nobody asks."""
    jobs = Jobs(0.05)
    watch = jobs.watch("demo", bench.client, await submit(bench))
    jobs.forget("demo", watch)
    jobs.forget("demo", watch)
    before: Any = bench.cloudstack.calls["queryAsyncJobResult"]
    await asyncio.sleep(0.3)
    assert bench.cloudstack.calls["queryAsyncJobResult"] == before
    await jobs.stop()
