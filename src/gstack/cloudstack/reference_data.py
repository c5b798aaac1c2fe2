"""Reference data: lists that change seldom (zones, offerings, templates), remembered for seconds, and what they yield.

Many that ask at once share one call. What is derived from a list, such as all zones with their Google names, is built
once and remembered with it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

R = TypeVar("R")
Key = tuple[str, ...]
_MOST = 10_000  # lists remembered, over all callers


class Remembered:
    """One list, or the call that fetches it, and what was derived from it."""

    def __init__(self, until: float, items: "asyncio.Future[Sequence[Any]]") -> None:
        self.until = until
        self._items = items
        self._derived: dict[Callable[..., Any], tuple[tuple[object, ...], Any]] = {}

    async def items(self) -> Sequence[Any]:
        """Return the list. It is shared: do not change it."""
        return await asyncio.shield(self._items)

    async def derived(self, build: Callable[..., R], context: tuple[object, ...]) -> R:
        """Return `build(items, *context)`, built again only if the context has changed since the last time.

        Strings of the context are compared by value, other objects by identity.
        """
        items = await self.items()
        last, result = self._derived.get(build, ((), None))
        if build in self._derived and len(last) == len(context) and all(map(_same, last, context)):
            return result  # type: ignore[no-any-return]  # what this `build` returned
        fresh = build(items, *context)
        self._derived[build] = (context, fresh)
        return fresh


class ReferenceData:
    """The remembered lists of all callers. `seconds` is how long a list is remembered."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._lists: OrderedDict[Key, Remembered] = OrderedDict()

    def get(self, key: Key, fetch: Callable[[], Awaitable[Sequence[Any]]], *, fresh: bool = False) -> Remembered:
        """Return the list of this key, which is fetched if it is not remembered, or in any case (`fresh`)."""
        remembered = self._lists.get(key)
        if remembered and not fresh and remembered.until > time.monotonic():
            return remembered
        items = asyncio.ensure_future(fetch())
        remembered = self._lists[key] = Remembered(time.monotonic() + self.seconds, items)
        self._lists.move_to_end(key)
        while len(self._lists) > _MOST:
            self._lists.popitem(last=False)
        items.add_done_callback(lambda done: self._drop_failed(key, remembered, done))
        return remembered

    def forget(self, prefix: Key) -> None:
        """Forget the lists whose keys begin with `prefix`."""
        for key in [key for key in self._lists if key[: len(prefix)] == prefix]:
            del self._lists[key]

    def _drop_failed(self, key: Key, remembered: Remembered, done: "asyncio.Future[Sequence[Any]]") -> None:
        failed = done.cancelled() or done.exception() is not None
        if failed and self._lists.get(key) is remembered:
            del self._lists[key]


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, str) and one == other)
