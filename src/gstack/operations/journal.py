"""The journal of one worker process: it accepts operations, runs them, and takes over those that nobody runs.

Every process on a database has one. Together they run each accepted operation to its end, once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.cloudstack.client import CloudStack, KeyPair
from gstack.config import OperationSettings
from gstack.db.engine import lost_connection
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.operations.jobs import Jobs
from gstack.operations.locks import Locks
from gstack.operations.lookup import Operations
from gstack.operations.model import DONE, Draft, Operation, works
from gstack.operations.outcomes import failed, keys_gone
from gstack.operations.rows import Record
from gstack.operations.runner import Checkpoint, Context, Run
from gstack.operations.store import LeaseLost, Store
from gstack.operations.workers import dead, new_worker

Credentials = Callable[[str], Awaitable[KeyPair | None]]
LOOK = 0.3  # seconds between two looks at an operation that another process runs
_SCAN = 5.0  # seconds between two looks for operations that nobody runs, at most
_RETRY = 1.0  # seconds after which a background task that failed is tried again
_CLAIM = 50  # operations taken over at once; other replicas or the next look take the rest
_CLEAN = 3600.0  # seconds between two removals of old operations

_log = structlog.get_logger(__name__)


class _Running(msgspec.Struct):
    """An operation that this process works on."""

    record: Record
    task: asyncio.Task[None] | None = None
    run: Run | None = None

    @property
    def operation(self) -> Operation:
        return self.run.operation if self.run else self.record.operation


class Journal:
    """Starts operations. Between `start_background` and `stop` it also takes over abandoned ones and removes old ones.

    `credentials` returns the key pair of a credential id, also of a revoked one: what was accepted is finished.
    `checkpoint` is for crash tests (operations.runner). Only operations of the same `cloud` are taken over.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        cloudstack: CloudStack,
        credentials: Credentials,
        settings: OperationSettings,
        sidecar: Sidecar,
        checkpoint: Checkpoint | None = None,
        cloud: str = "",
    ) -> None:
        self._worker = new_worker()
        self._store = Store(engine, self._worker, settings.lease, cloud)
        self.operations = Operations(engine)
        self.locks = Locks()
        self._settings = settings
        self._credentials = credentials
        self._jobs = Jobs(settings.poll_interval)
        self._context = Context(
            store=self._store,
            cloudstack=cloudstack,
            jobs=self._jobs,
            sidecar=sidecar,
            poll_interval=settings.poll_interval,
            lease_seconds=settings.lease,
            checkpoint=checkpoint,
        )
        self._beginning: set[asyncio.Task[Record]] = set()
        self._running: dict[int, _Running] = {}
        self._background: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self, draft: Draft) -> Operation:
        """Write the row, begin the work, and return the operation as it is after at most `answer_within` seconds.

        If the owner used the same requestId for the same method within 24 hours, return that operation. Raises the
        Problems of model.Draft.
        """
        if self._stopping.is_set():
            raise Problem.backend("This server is stopping. Try again.")
        beginning = asyncio.create_task(self._begin(draft))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)
        record = await asyncio.shield(beginning)  # even if the client goes away, the row is run
        return await self._settled(record.operation, self._settings.answer_within)

    async def wait(self, owner: str, scope: str, name_or_id: str, limit: float | None = None) -> Operation | None:
        """Return an operation once it is DONE, or as it is after `limit` seconds (default: `wait_limit`)."""
        operation = await self.operations.get(owner, scope, name_or_id)
        return operation and await self._settled(operation, self._settings.wait_limit if limit is None else limit)

    # Start and stop

    async def start_background(self) -> None:
        """Go on with unfinished operations, and keep looking for more."""
        pace = self._settings.lease / 3
        chores = ((pace, self._renew), (min(pace, _SCAN), self._take_over), (_CLEAN, self._clean))
        self._background = [asyncio.create_task(self._regularly(*chore)) for chore in chores]

    async def stop(self, grace: float) -> None:
        """Begin nothing new, give what is being sent `grace` seconds to end, and give up all leases."""
        self._stopping.set()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._beginning, *self._background, return_exceptions=True)
        for running in self._running.values():
            if running.run:
                running.run.lease.cut()
        tasks = [running.task for running in self._running.values() if running.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._jobs.stop()
        await self._give_back()

    async def _begin(self, draft: Draft) -> Record:
        record, new = await self._store.begin(draft)
        if new:
            self._launch(record)
        return record

    def _launch(self, record: Record) -> None:
        if record.key in self._running:
            return
        running = self._running[record.key] = _Running(record)
        running.task = asyncio.create_task(self._carry(running), name=record.operation.name)

    async def _carry(self, running: _Running) -> None:
        """Run one operation. Whatever happens, some process can go on with it."""
        key = running.record.key
        log = _log.bind(operation=running.record.operation.name)
        try:
            await self._perform(running)
        except asyncio.CancelledError:
            log.info("operation given up")
            await self._give_back(key)
        except Problem as problem:  # from before the work; those of the work are its outcome
            await self._fail(running.record.operation, problem)
        except Exception as error:
            if not lost_connection(error):
                log.exception("operation could not be run")
            else:
                log.warning("database unreachable; the operation goes on later", why=str(error))
        finally:
            del self._running[key]

    async def _perform(self, running: _Running) -> None:
        record = running.record
        keys = await self._credentials(record.operation.credential)
        if keys is None:
            raise keys_gone()
        steps = await self._store.steps(record.key) if record.resumed else {}
        running.run = Run(self._context, record, keys, steps)
        if self._stopping.is_set():
            running.run.lease.cut()
        await running.run.perform(works()[record.operation.work])

    async def _fail(self, operation: Operation, problem: Problem) -> None:
        with suppress(LeaseLost):
            await self._store.finish(failed(operation, problem))

    async def _give_back(self, key: int | None = None) -> None:
        try:
            await self._store.release(key)
        except Exception as error:  # noqa: BLE001  # the lease ends by itself
            _log.warning("lease not given up", why=str(error))

    async def _settled(self, operation: Operation, seconds: float) -> Operation:
        """Return the operation once it is DONE, after so many seconds, or when this process stops."""
        end = asyncio.get_running_loop().time() + seconds
        while operation.status != DONE:
            rest = end - asyncio.get_running_loop().time()
            if rest <= 0 or self._stopping.is_set():
                break
            operation = await self._looked(operation, rest)
        return operation

    async def _looked(self, operation: Operation, rest: float) -> Operation:
        """Return the operation when it ended here, or after a short pause if another process runs it."""
        running = self._running.get(int(operation.id))
        if running is None or running.task is None:
            await asyncio.sleep(min(LOOK, rest))
            return await self.operations.get(operation.owner, operation.target.scope, operation.id) or operation
        stopping = asyncio.ensure_future(self._stopping.wait())
        either: set[asyncio.Future[Any]] = {running.task, stopping}
        try:
            await asyncio.wait(either, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        return running.operation

    # Chores

    async def _regularly(self, pause: float, chore: Callable[[], Awaitable[None]]) -> None:
        """Do a chore again and again. While the database is away, try often: leases must be renewed once it is back."""
        failing = False
        while True:
            try:
                await chore()
            except Exception as error:  # noqa: BLE001  # logged; the next round may succeed
                if not failing:
                    lost = lost_connection(error)
                    _log.warning("background task failed", task=chore.__name__, why=str(error), exc_info=not lost)
                failing = True
            else:
                failing = False
            await asyncio.sleep(min(pause, _RETRY) if failing else pause)

    async def _renew(self) -> None:
        """Renew the leases of what runs here, and stop what another worker took over."""
        keys = list(self._running)
        if not keys:
            return
        ours = await self._store.renew(keys)
        for key in keys:
            running = self._running.get(key)
            if running is None or running.run is None:
                continue
            if key in ours:
                running.run.lease.renewed()
            else:
                running.run.lease.cut()

    async def _take_over(self) -> None:
        """Take over operations that nobody runs: their process died or gave them up."""
        names = list(works())
        gone = dead(await self._store.workers(), self._worker)
        if not await self._store.free(names, gone, list(self._running)):
            return
        for record in await self._store.claim(names, _CLAIM, gone, list(self._running)):
            if record.key not in self._running:
                _log.info("operation taken over", operation=record.operation.name)
            self._launch(record)

    async def _clean(self) -> None:
        """Remove old operations, some at a time."""
        before = datetime.now(UTC) - timedelta(days=self._settings.keep_days)
        removed = await self._store.expire(before)
        while removed:
            await asyncio.sleep(1)  # let writers go first that somebody waits for
            removed = await self._store.expire(before)
