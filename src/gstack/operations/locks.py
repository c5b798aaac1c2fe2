"""Locks for names within one process: whoever asks first gets the lock first.

They put requests of one process in order. Between processes, the locks of unfinished operations in the journal decide.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Locks:
    """One lock for each owner and name; it is gone when nobody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def lock(self, owner: str, name: str, seconds: float) -> AsyncIterator[None]:
        """Hold the lock inside the block. Raises TimeoutError if it is not free within so many seconds."""
        lock = self._locks.get((owner, name)) or self._locks.setdefault((owner, name), asyncio.Lock())
        async with asyncio.timeout(seconds):
            await lock.acquire()  # asyncio's lock wakes waiters in the order of arrival
        try:
            yield
        finally:
            lock.release()
