"""Tenure: one process's right to work on one operation. It ends when the process stops or its lease is lost."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from gstack.operations.model import Operation
from gstack.operations.store import LeaseLost, Store

T = TypeVar("T")


class Interrupted(asyncio.CancelledError):
    """This process must stop working on the operation: it stops, or another one took it over."""


class Tenure:
    """Raises Interrupted wherever a worker without a tenure would go on."""

    def __init__(self, store: Store, lease: float) -> None:
        self._store = store
        self._lease = lease
        self._leased_until = time.monotonic() + lease
        self._cut: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.interrupted = False  # stays, also where the work swallows Interrupted

    def cut(self) -> None:
        """Stop at the next safe point: what is being sent is sent and recorded, nothing new begins."""
        if not self._cut.done():
            self._cut.set_result(None)

    def renewed(self) -> None:
        """Our lease was prolonged just now."""
        self._leased_until = time.monotonic() + self._lease

    async def write(self, write: Awaitable[None]) -> None:
        """Do a write that checks the lease."""
        try:
            await write
        except LeaseLost as lost:
            raise self._interruption() from lost
        self.renewed()

    async def before_send(self, operation: Operation) -> None:
        """Nothing may be sent by a process that stops, or that was asleep for so long that another one took over."""
        if self._cut.done():
            raise self._interruption()
        if time.monotonic() >= self._leased_until:
            await self.write(self._store.change(operation))

    async def pause(self, seconds: float) -> None:
        """Sleep, unless it is time to stop."""
        await asyncio.wait({self._cut}, timeout=seconds)
        if self._cut.done():
            raise self._interruption()

    async def unless_cut(self, waiting: Awaitable[T]) -> T:
        """Wait for something that may be abandoned."""
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
