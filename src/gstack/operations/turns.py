"""Who waits for a name stands in a line: first come, first served, within one process.

Processes on the same database do not know each other's lines; between them the journal's holds decide.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """A line for each owner and name; it is gone when nobody stands in it."""

    def __init__(self) -> None:
        self._lines: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, owner: str, name: str, seconds: float) -> AsyncIterator[None]:
        """Stand in the line, and be its first inside; TimeoutError where that takes longer than so many seconds."""
        line = self._lines.get((owner, name)) or self._lines.setdefault((owner, name), asyncio.Lock())
        async with asyncio.timeout(seconds):
            await line.acquire()  # asyncio's lock wakes in the order of arrival
        try:
            yield
        finally:
            line.release()
