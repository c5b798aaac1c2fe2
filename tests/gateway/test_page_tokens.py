"""Page tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.page_tokens import PageToken, list_fingerprint

OWN = list_fingerprint(("projects/p/zones", "", ""))


@given(st.integers(0, 10**6), st.integers(1, 500), st.integers(0, 10**6))
def test_tokens_come_back_as_they_were(page: int, size: int, offset: int) -> None:
    """A token stands for exactly one place, and is safe in URLs."""
    place = PageToken(page, size, offset, OWN, 7, ("2026", "vm1", "8"))
    token = place.encode()
    assert PageToken.decode(token, OWN) == place
    assert token.replace("-", "").replace("_", "").isalnum()


def test_tokens_of_other_lists_are_refused() -> None:
    """Another path, filter or order makes another list."""
    token = PageToken(1, 500, 0, OWN).encode()
    for other in (("projects/p/regions", "", ""), ("projects/p/zones", "a", ""), ("projects/p/zones", "", "a")):
        with pytest.raises(Problem) as caught:
            PageToken.decode(token, list_fingerprint(other))
        assert (caught.value.status, caught.value.location) == (400, "pageToken")


@pytest.mark.parametrize("numbers", [(-1, 1, 0), (1, 0, 0), (1, 1, -1), (10**9, 1, 0), (0, 1, 0)], ids=str)
def test_impossible_positions_are_refused(numbers: tuple[int, int, int]) -> None:
    """A token made up by hand leads nowhere."""
    with pytest.raises(Problem):
        PageToken.decode(PageToken(*numbers, OWN).encode(), OWN)


@given(st.text())
def test_no_token_is_a_fault(token: str) -> None:
    """Whatever is sent as a token is refused as bad."""
    with pytest.raises(Problem) as caught:
        PageToken.decode(token, OWN)
    assert caught.value.status == 400
