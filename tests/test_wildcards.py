"""`*` stands for any text."""

import re
import time

from hypothesis import example, given
from hypothesis import strategies as st

from gstack.wildcards import wildcard

LETTERS = st.text(alphabet="ab*", max_size=12)


@given(LETTERS, st.text(alphabet="ab\n", max_size=12))
@example("a*a", "a")
@example("*", "")
def test_it_is_what_a_regular_expression_finds(pattern: str, text: str) -> None:
    """The same answer as the regular expression with `.*` for each star."""
    wanted = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    assert wildcard(pattern)(text) == bool(wanted.fullmatch(text))


def test_nobody_waits_for_it() -> None:
    """Many stars over a long text, which a machine that tries all ways would not end with in a lifetime."""
    begun = time.monotonic()
    assert not wildcard("*a" * 50 + "*b")("a" * 100_000)
    assert wildcard("*a" * 50 + "*")("a" * 100_000)
    assert time.monotonic() - begun < 10
