"""Page tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.pages import Place, from_token, mark, to_token

OWN = mark(("projects/p/zones", "", ""))


@given(st.integers(0, 10**6), st.integers(1, 500), st.integers(0, 10**6))
def test_tokens_come_back_as_they_were(page: int, size: int, offset: int) -> None:
    """A token stands for exactly one place, and is safe in URLs."""
    place = Place(page, size, offset, OWN, 7, ("2026", "vm1", "8"))
    token = to_token(place)
    assert from_token(token, OWN) == place
    assert token.replace("-", "").replace("_", "").isalnum()


def test_tokens_of_other_lists_are_refused() -> None:
    """Another path, filter or order makes another list."""
    token = to_token(Place(1, 500, 0, OWN))
    for other in (("projects/p/regions", "", ""), ("projects/p/zones", "a", ""), ("projects/p/zones", "", "a")):
        with pytest.raises(Problem) as caught:
            from_token(token, mark(other))
        assert (caught.value.status, caught.value.location) == (400, "pageToken")


@pytest.mark.parametrize(
    "place",
    [Place(-1, 1, 0, OWN), Place(1, 0, 0, OWN), Place(1, 1, -1, OWN), Place(10**9, 1, 0, OWN), Place(0, 1, 0, OWN)],
)
def test_impossible_places_are_refused(place: Place) -> None:
    """A token made up by hand leads nowhere."""
    with pytest.raises(Problem):
        from_token(to_token(place), OWN)


@given(st.text())
def test_no_token_is_a_fault(token: str) -> None:
    """Whatever is sent as a token is refused as bad."""
    with pytest.raises(Problem) as caught:
        from_token(token, OWN)
    assert caught.value.status == 400
