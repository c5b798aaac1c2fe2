"""The lease of one process on one operation. It ends when the process stops or another process takes over."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from gstack.operations.model import Operation
from gstack.operations.store import LeaseLost, Store

T = TypeVar("T")


class Interrupted(asyncio.CancelledError):
    """This process must stop working on the operation: it shuts down, or another process took over."""


class Lease:
    """Raises Interrupted wherever a worker would go on without a lease. `seconds` is how long a renewal lasts."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.interrupted = False  # stays True even if the work swallows Interrupted

    def cut(self) -> None:
        """Stop at the next safe point: what is being sent is still recorded, but nothing new begins."""
        if not self._cut.done():
            self._cut.set_result(None)

    def renewed(self) -> None:
        """Note that the lease was just renewed in the database."""
        self._until = time.monotonic() + self._seconds

    async def write(self, write: Awaitable[None]) -> None:
        """Do a write that checks and renews the lease. Raises Interrupted if it was lost."""
        try:
            await write
        except LeaseLost as lost:
            raise self._interruption() from lost
        self.renewed()

    async def before_send(self, operation: Operation) -> None:
        """Check that this process may send. It may not while it stops, or if it slept and another one took over."""
        if self._cut.done():
            raise self._interruption()
        if time.monotonic() >= self._until:
            await self.write(self._store.change(operation))

    async def pause(self, seconds: float) -> None:
        """Sleep. Raises Interrupted as soon as the lease is cut."""
        await asyncio.wait({self._cut}, timeout=seconds)
        if self._cut.done():
            raise self._interruption()

    async def unless_cut(self, waiting: Awaitable[T]) -> T:
        """Wait for something that may be abandoned. Raises Interrupted as soon as the lease is cut."""
        task = asyncio.ensure_future(waiting)
        either: set[asyncio.Future[Any]] = {task, self._cut}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise self._interruption()
            return task.result()
        finally:
            task.cancel()

    def _interruption(self) -> Interrupted:
        self.interrupted = True
        return Interrupted()
