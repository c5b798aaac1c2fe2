"""The journal of one worker process: accepts operations, runs them, takes over those that nobody runs any more.

Every process on the same database has one; together they run each accepted operation to its end, once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
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
from gstack.operations.model import DONE, Draft, Operation, works
from gstack.operations.outcomes import failed, keys_gone
from gstack.operations.rows import Record
from gstack.operations.runner import Checkpoint, Run, Surroundings
from gstack.operations.store import LeaseLost, Store
from gstack.operations.turns import Turns
from gstack.operations.workers import dead, new_worker

Credentials = Callable[[str], Awaitable[KeyPair | None]]
LOOK = 0.3  # seconds between two looks at an operation that another process runs
_SCAN = 5.0  # seconds between two looks for operations that nobody runs, at most
_CLAIM = 50  # taken over at once; the rest by other replicas, or at the next look
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


class Operations:
    """Implements gateway.call.Journal. Between `start_background` and `stop` it also takes over and cleans up.

    `credentials` gives the key pair of a credential id, revoked ones too: what was accepted is finished.
    `checkpoint` is for crash tests (operations.runner). `cloud`: only operations of one's own are taken over.
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
        self._settings = settings
        self._credentials = credentials
        self._jobs = Jobs(settings.poll_interval)
        self._around = Surroundings(
            store=self._store,
            cloudstack=cloudstack,
            jobs=self._jobs,
            sidecar=sidecar,
            poll_interval=settings.poll_interval,
            lease=settings.lease,
            checkpoint=checkpoint,
        )
        self._turns = Turns()
        self._beginning: set[asyncio.Task[Record]] = set()
        self._running: dict[int, _Running] = {}
        self._background: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    # gateway.call.Journal

    async def start(self, draft: Draft) -> Operation:
        """Write the row, begin the work, return the operation as it is after at most `answer_within` seconds."""
        if self._stopping.is_set():
            raise Problem.backend("This server is stopping. Try again.")
        beginning = asyncio.create_task(self._begin(draft))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)
        record = await asyncio.shield(beginning)  # a client that goes away leaves no row that nobody runs
        return await self._settled(record.operation, self._settings.answer_within)

    async def seen(self, owner: str, method: str, request_id: str) -> Operation | None:
        """Return the operation that this requestId began within a day: ask before refusing a repeated request."""
        return await self._store.seen(owner, method, request_id) if request_id else None

    async def get(self, owner: str, scope: str, name_or_id: str) -> Operation | None:
        """Return an operation by name or id."""
        return await self._store.find(owner, scope, name_or_id)

    async def wait(self, owner: str, scope: str, name_or_id: str, limit: float | None = None) -> Operation | None:
        """Return the operation once DONE, or as it is after `limit` seconds, `wait_limit` unless told."""
        operation = await self._store.find(owner, scope, name_or_id)
        return operation and await self._settled(operation, self._settings.wait_limit if limit is None else limit)

    async def list(
        self, owner: str, scope: str | None, *, limit: int, offset: int, newest_first: bool = False
    ) -> list[Operation]:
        """Operations of a scope (None: of all scopes), oldest first."""
        return await self._store.page(owner, scope, limit=limit, offset=offset, newest_first=newest_first)

    async def delete(self, owner: str, scope: str, name_or_id: str) -> bool:
        """Forget an operation that is DONE; False where there is none, Problem.not_ready while it runs."""
        operation = await self._store.find(owner, scope, name_or_id)
        if operation is None:
            return False
        if operation.status != DONE:
            resource = f"projects/{operation.project}/{scope}/operations/{operation.name}"
            raise Problem.not_ready(resource, f"The operation '{resource}' is not DONE and cannot be deleted yet")
        await self._store.delete(int(operation.id))
        return True

    async def holder(self, owner: str, hold: str) -> Operation | None:
        """The unfinished operation that holds this name, or None."""
        return await self._store.holder(owner, hold)

    def turn(self, owner: str, hold: str, seconds: float) -> AbstractAsyncContextManager[None]:
        """Be the first of this process that wait for a name; TimeoutError where that takes longer."""
        return self._turns.turn(owner, hold, seconds)

    # The worker's life

    async def start_background(self) -> None:
        """Go on with what was left unfinished, and keep looking for more."""
        pace = self._settings.lease / 3
        chores = ((pace, self._renew), (min(pace, _SCAN), self._take_over), (_CLEAN, self._clean))
        self._background = [asyncio.create_task(self._regularly(*chore)) for chore in chores]

    async def stop(self, grace: float) -> None:
        """Begin nothing new, let what is being sent end for `grace` seconds, give all leases back."""
        self._stopping.set()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._beginning, *self._background, return_exceptions=True)
        for running in self._running.values():
            if running.run:
                running.run.tenure.cut()
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
        running = self._running[record.key] = _Running(record)
        running.task = asyncio.create_task(self._carry(running), name=record.operation.name)

    async def _carry(self, running: _Running) -> None:
        """Run one operation; whatever happens, somebody can go on with it."""
        key = running.record.key
        log = _log.bind(operation=running.record.operation.name)
        try:
            await self._perform(running)
        except asyncio.CancelledError:
            log.info("operation given back")
            await self._give_back(key)
        except Problem as problem:  # before the work: the work's own are its outcome
            await self._fail(running.record.operation, problem)
        except Exception as error:
            if not lost_connection(error):
                log.exception("operation could not be run")
            else:
                log.warning("database out of reach; the operation goes on later", why=str(error))
        finally:
            del self._running[key]

    async def _perform(self, running: _Running) -> None:
        record = running.record
        keys = await self._credentials(record.operation.credential)
        if keys is None:
            raise keys_gone()
        known = await self._store.steps(record.key) if record.resumed else {}
        running.run = Run(self._around, record, keys, known)
        if self._stopping.is_set():
            running.run.tenure.cut()
        await running.run.perform(works()[record.operation.work])

    async def _fail(self, operation: Operation, problem: Problem) -> None:
        with suppress(LeaseLost):
            await self._store.finish(failed(operation, problem))

    async def _give_back(self, key: int | None = None) -> None:
        try:
            await self._store.release(key)
        except Exception as error:  # noqa: BLE001  # the lease ends by itself
            _log.warning("lease not given back", why=str(error))

    async def _settled(self, operation: Operation, seconds: float) -> Operation:
        """The operation once DONE, or as it is after some seconds, or when this process stops."""
        end = asyncio.get_running_loop().time() + seconds
        while operation.status != DONE:
            rest = end - asyncio.get_running_loop().time()
            if rest <= 0 or self._stopping.is_set():
                break
            operation = await self._looked(operation, rest)
        return operation

    async def _looked(self, operation: Operation, rest: float) -> Operation:
        """The operation after a while: when it ended here, or after a short pause where another process has it."""
        running = self._running.get(int(operation.id))
        if running is None or running.task is None:
            await asyncio.sleep(min(LOOK, rest))
            return await self._store.find(operation.owner, operation.target.scope, operation.id) or operation
        stopping = asyncio.ensure_future(self._stopping.wait())
        either: set[asyncio.Future[Any]] = {running.task, stopping}
        try:
            await asyncio.wait(either, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        return running.operation

    # Chores

    async def _regularly(self, pause: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await chore()
            except Exception as error:  # noqa: BLE001  # logged; the next round may go better
                _log.warning("chore failed", chore=chore.__name__, why=str(error), exc_info=not lost_connection(error))
            await asyncio.sleep(pause)

    async def _renew(self) -> None:
        """Prolong the leases of what runs here; stop what was lost."""
        keys = list(self._running)
        if not keys:
            return
        ours = await self._store.renew(keys)
        for key in keys:
            running = self._running.get(key)
            if running is None or running.run is None:
                continue
            if key in ours:
                running.run.tenure.renewed()
            else:
                running.run.tenure.cut()

    async def _take_over(self) -> None:
        """Claim operations that nobody runs: their process ended, or gave them back."""
        names = list(works())
        gone = dead(await self._store.workers(), self._worker)
        if not await self._store.free(names, gone):
            return
        for record in await self._store.claim(names, _CLAIM, gone):
            if record.key not in self._running:
                _log.info("operation taken over", operation=record.operation.name)
                self._launch(record)

    async def _clean(self) -> None:
        """Remove old operations, a few at a time."""
        before = datetime.now(UTC) - timedelta(days=self._settings.keep_days)
        removed = await self._store.expire(before)
        while removed:
            await asyncio.sleep(1)  # writers that somebody waits for come first
            removed = await self._store.expire(before)
