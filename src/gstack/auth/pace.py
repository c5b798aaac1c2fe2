"""How often one address may ask for what anybody may ask and what costs a row of the database.

Counted by each process alone, in memory, and forgotten every minute: enough that nobody fills the database.
"""

import time
from collections import Counter
from collections.abc import Callable

from gstack.auth.limits import place_of
from gstack.errors import Problem

MINUTE = 60.0
_MOST_PLACES = 10_000  # whose counts are kept apart


class Pace:
    """Use: `pace.check(address)` before the work. Raises Problem 429 after `most` requests within a minute."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._begun = clock()
        self._counts: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Count one request."""
        left = self._begun + MINUTE - self._clock()
        if left <= 0:
            self._begun, left = self._clock(), MINUTE
            self._counts.clear()
        place = place_of(address)
        if place not in self._counts and len(self._counts) >= _MOST_PLACES:
            place = ""  # so many at once are nobody's users: they share what one has
        self._counts[place] += 1
        if self._counts[place] > self._most:
            wait = int(left) + 1
            raise Problem.rate_limited(f"Too many requests. Try again in {wait} seconds.", wait)
