"""Patterns in which `*` stands for any text. Matching takes linear time, because strangers send patterns and texts."""

import re
from collections.abc import Callable


def wildcard(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a whole text matches. All characters but `*` stand for themselves."""
    first, *rest = re.split(r"\*+", pattern)
    if not rest:
        return lambda text: text == first
    *middle, last = rest

    def fits(text: str) -> bool:
        at, end = len(first), len(text) - len(last)
        if end < at or not text.startswith(first) or not text.endswith(last):
            return False
        for piece in middle:  # the first match leaves the most text for the other pieces
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return fits
