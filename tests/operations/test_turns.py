"""Lines of those who wait for a name."""

import asyncio

import pytest

from gstack.operations.turns import Turns


async def test_first_come_first_served() -> None:
    """Each is served alone, in the order of arrival; other names and owners have lines of their own."""
    turns, served, inside = Turns(), list[int](), list[int]()

    async def one(number: int) -> None:
        async with turns.turn("owner", "vm", 5):
            inside.append(number)
            await asyncio.sleep(0.01)
            assert inside == [number]
            inside.remove(number)
            served.append(number)

    async with turns.turn("owner", "vm", 5):
        waiting = [asyncio.create_task(one(number)) for number in range(12)]
        await asyncio.sleep(0.01)
        async with turns.turn("owner", "other", 0.1), turns.turn("other", "vm", 0.1):
            assert served == []
    await asyncio.gather(*waiting)
    assert served == list(range(12))


async def test_nobody_waits_longer_than_said() -> None:
    """Who is not first in time gives up, and those behind are served none the less."""
    turns = Turns()
    async with turns.turn("owner", "vm", 5):
        with pytest.raises(TimeoutError):
            async with turns.turn("owner", "vm", 0.05):
                pytest.fail("two are first")
    async with turns.turn("owner", "vm", 0.05):
        pass
