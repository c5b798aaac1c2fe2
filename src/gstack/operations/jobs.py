"""Polls CloudStack's jobs: one poller for each caller, however many operations wait, and the slower the older a job is.

A single job is queried. For several, one listAsyncJobs tells which are still pending, since CloudStack lists no others;
only those that it does not list are queried for their results.
"""

import asyncio
import time
from typing import Any

import msgspec
import structlog

from gstack.cloudstack.client import Client, Refusal, Unreachable
from gstack.errors import Problem

SLOWEST = 5.0  # seconds between two looks at an old job
_GROWTH = 0.2  # of a job's age: its end is noticed late by at most a fifth of what it took
_TOGETHER = 0.5  # of the shortest pause: jobs that are due within it share a round
_SILENT_PAUSE = 15.0  # seconds between two looks while CloudStack does not answer, at most

_log = structlog.get_logger(__name__)

News = bool | dict[str, Any] | Problem


class _Pending(msgspec.Struct):
    jobid: str = ""


class Watch:
    """One job that an operation waits for.

    `news` yields True when CloudStack stops answering, False when it answers again, and at the end the finished job
    (the answer of queryAsyncJobResult) or the Problem of the query: a Refusal with `missing` if the job is gone.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self.since = time.monotonic()
        self.next = self.since
        self.ended = False

    def end(self, outcome: dict[str, Any] | Problem) -> None:
        self.ended = True
        self.news.put_nowait(outcome)


class Jobs:
    """The pollers of this process, one per CloudStack API key."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._pollers: dict[str, _Poller] = {}

    def watch(self, caller: str, client: Client, job_id: str) -> Watch:
        """Begin to poll a job for a caller; `client` speaks for the caller's account itself."""
        poller = self._pollers.get(caller)
        if poller is None or poller.idle:
            poller = self._pollers[caller] = _Poller(client, self._interval)
        watch = Watch(job_id)
        poller.add(watch)
        return watch

    def forget(self, caller: str, watch: Watch) -> None:
        """Stop polling a job that nobody waits for any more."""
        poller = self._pollers.get(caller)
        if poller is None:
            return
        poller.remove(watch)
        if poller.idle:
            poller.cancel()
            del self._pollers[caller]

    async def stop(self) -> None:
        """End all pollers."""
        pollers, self._pollers = list(self._pollers.values()), {}
        await asyncio.gather(*(poller.stop() for poller in pollers))


class _Poller:
    def __init__(self, client: Client, interval: float) -> None:
        self._client = client
        self._interval = interval
        self._watches: set[Watch] = set()
        self._more = asyncio.Event()
        self._pause = 0.0  # seconds, more than 0 while CloudStack is silent
        self._lists = True  # False once CloudStack refused the list: the caller's role does not have it
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return not self._watches

    def add(self, watch: Watch) -> None:
        watch.next = watch.since + self._interval
        if self._pause:
            watch.news.put_nowait(True)
        self._watches.add(watch)
        self._more.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())

    def remove(self, watch: Watch) -> None:
        self._watches.discard(watch)
        self._more.set()

    def cancel(self) -> None:
        if self._task:
            self._task.cancel()

    async def stop(self) -> None:
        self.cancel()
        if self._task:
            await asyncio.wait({self._task})

    async def _look_on(self) -> None:
        while self._watches:
            await self._until_due()
            try:
                await self._look_at(self._due())
            except Unreachable:
                self._silent()
            except Exception:  # noqa: BLE001  # logged and tried again: waiting operations must not hang
                _log.exception("polling jobs failed")
                self._silent()
            else:
                self._answered()
            self._watches = {watch for watch in self._watches if not watch.ended}

    async def _until_due(self) -> None:
        """Sleep until the next job is due. A new job may be due earlier."""
        if self._pause:
            await asyncio.sleep(self._pause)
            return
        while self._watches:
            self._more.clear()
            rest = min(watch.next for watch in self._watches) - time.monotonic()
            if rest <= 0:
                return
            try:
                await asyncio.wait_for(self._more.wait(), rest)
            except TimeoutError:
                return

    def _due(self) -> list[Watch]:
        """Return the jobs to look at: those that are due, or all where one list tells of all."""
        if self._lists and len(self._watches) > 1:
            return list(self._watches)
        limit = time.monotonic() + self._interval * _TOGETHER
        return [watch for watch in self._watches if watch.next <= limit]

    async def _look_at(self, due: list[Watch]) -> None:
        pending = await self._pending() if self._lists and len(due) > 1 else set()
        now = time.monotonic()
        for watch in due:
            watch.next = now + min(SLOWEST, max(self._interval, (now - watch.since) * _GROWTH))
        looks = (self._look(watch) for watch in due if watch.job_id not in pending)
        outcomes = await asyncio.gather(*looks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _pending(self) -> set[str]:
        try:
            listed = await self._client.list_all("listAsyncJobs", _Pending)
        except Refusal:
            self._lists = False
            return set()
        return {job.jobid for job in listed}

    async def _look(self, watch: Watch) -> None:
        try:
            job = await self._client.job(watch.job_id)
        except Problem as problem:
            watch.end(problem)
            return
        if job.get("jobstatus"):
            watch.end(job)

    def _silent(self) -> None:
        if not self._pause:
            for watch in self._watches:
                watch.news.put_nowait(True)
        self._pause = min(_SILENT_PAUSE, max(self._interval, self._pause * 2))

    def _answered(self) -> None:
        if self._pause:
            for watch in self._watches:
                if not watch.ended:
                    watch.news.put_nowait(False)
        self._pause = 0.0
