"""Locks for names within a process."""

import asyncio

import pytest

from gstack.operations.locks import Locks


async def test_first_come_first_served() -> None:
    """Each is served alone, in the order of arrival; other names and owners have locks of their own."""
    locks, served, inside = Locks(), list[int](), list[int]()

    async def one(number: int) -> None:
        async with locks.lock("owner", "vm", 5):
            inside.append(number)
            await asyncio.sleep(0.01)
            assert inside == [number]
            inside.remove(number)
            served.append(number)

    async with locks.lock("owner", "vm", 5):
        waiting = [asyncio.create_task(one(number)) for number in range(12)]
        await asyncio.sleep(0.01)
        async with locks.lock("owner", "other", 0.1), locks.lock("other", "vm", 0.1):
            assert served == []
    await asyncio.gather(*waiting)
    assert served == list(range(12))


async def test_nobody_waits_longer_than_said() -> None:
    """Whoever waits too long gives up, and the lock is still free for the next one."""
    locks = Locks()
    async with locks.lock("owner", "vm", 5):
        with pytest.raises(TimeoutError):
            async with locks.lock("owner", "vm", 0.05):
                pytest.fail("two hold the lock")
    async with locks.lock("owner", "vm", 0.05):
        pass
