"""Patterns whose `*` stands for any text, matched in linear time: both patterns and texts come from strangers."""

import re
from collections.abc import Callable


def wildcard(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a whole text is as the pattern says. All letters but `*` mean themselves."""
    first, *rest = re.split(r"\*+", pattern)
    if not rest:
        return lambda text: text == first
    *middle, last = rest

    def fits(text: str) -> bool:
        at, end = len(first), len(text) - len(last)
        if end < at or not text.startswith(first) or not text.endswith(last):
            return False
        for piece in middle:  # the first place that fits leaves the most room for the others
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return fits
