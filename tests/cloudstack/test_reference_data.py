"""What is remembered of lists, and what is derived from them."""

import asyncio
from collections.abc import Sequence

import pytest

from gstack.cloudstack.reference_data import ReferenceData

KEY = ("caller", "", "listZones")


class Lists:
    """Fetches a new list each time, and counts."""

    def __init__(self) -> None:
        self.fetched = 0

    async def fetch(self) -> Sequence[int]:
        self.fetched += 1
        await asyncio.sleep(0.01)
        return [self.fetched]


def total(items: Sequence[int], *more: list[int] | str) -> list[int]:
    return [sum(items) + sum(sum(map(int, one)) for one in more)]


async def test_many_share_one_list() -> None:
    """Those who ask at the same time or soon after get the same object; `fresh`, forgetting and time fetch again."""
    data, lists = ReferenceData(0.1), Lists()
    first, second = await asyncio.gather(*(data.get(KEY, lists.fetch).items() for _ in range(2)))
    assert first is second
    assert await data.get(KEY, lists.fetch, fresh=True).items() == [2]
    data.forget(KEY[:1])
    assert await data.get(KEY, lists.fetch).items() == [3]
    data.forget(("other",))
    assert await data.get(KEY, lists.fetch).items() == [3]
    await asyncio.sleep(0.11)
    assert await data.get(KEY, lists.fetch).items() == [4]


async def test_what_is_derived_is_built_once() -> None:
    """As long as the list, the strings and the other objects of the context are the same, so is the result."""
    data, lists, more = ReferenceData(60), Lists(), [10]
    built = await data.get(KEY, lists.fetch).derived(total, (more,))
    assert built == [11]
    assert await data.get(KEY, lists.fetch).derived(total, (more,)) is built
    again = await data.get(KEY, lists.fetch).derived(total, ([10],))
    assert again == built
    assert again is not built
    assert await data.get(KEY, lists.fetch).derived(total, ()) == [1]
    texts = ["1" + "2", str(12)]
    assert len({id(await data.get(KEY, lists.fetch).derived(total, (text,))) for text in texts}) == 1
    assert await data.get(KEY, lists.fetch, fresh=True).derived(total, (more,)) == [12]


async def test_a_failure_is_not_remembered() -> None:
    """All who waited for a failed call get its error, and the next one fetches again."""
    data, lists = ReferenceData(60), Lists()

    async def broken() -> Sequence[int]:
        await asyncio.sleep(0.01)
        raise LookupError

    waiting = [data.get(KEY, broken).items() for _ in range(2)]
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, LookupError)
    assert await data.get(KEY, lists.fetch).items() == [1]


async def test_a_failed_build_is_not_remembered() -> None:
    """What could not be built is built again for the next one."""
    data, lists = ReferenceData(60), Lists()
    calls: list[int] = []

    def build(items: Sequence[int]) -> int:
        calls.append(len(items))
        if len(calls) == 1:
            raise LookupError
        return 7

    with pytest.raises(LookupError):
        await data.get(KEY, lists.fetch).derived(build, ())
    assert await data.get(KEY, lists.fetch).derived(build, ()) == 7
    assert lists.fetched == 1
