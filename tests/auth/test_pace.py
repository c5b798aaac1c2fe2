"""gstack.auth.pace: who asks too often waits until the minute is over."""

import pytest

from gstack.auth.pace import MINUTE, Pace
from gstack.errors import Problem


def test_a_minute_s_worth() -> None:
    """So many requests of one address pass in a minute; others are not concerned, and the next minute is a new one."""
    moment = 100.0
    pace = Pace(3, lambda: moment)
    for _ in range(3):
        pace.check("192.0.2.1")
    moment += 20
    with pytest.raises(Problem) as refused:
        pace.check("192.0.2.1")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "41")
    pace.check("192.0.2.2")
    moment += MINUTE
    pace.check("192.0.2.1")


def test_a_network_is_one_address() -> None:
    """One customer has all of an IPv6 network; and where very many addresses come at once, new ones share one count."""
    pace = Pace(2, lambda: 0.0)
    for last in (1, 2):
        pace.check(f"2001:db8::{last}")
    with pytest.raises(Problem):
        pace.check("2001:db8::3")
    for number in range(9_999):
        pace.check(f"10.0.{number // 256}.{number % 256}")
    for last in (1, 2):
        pace.check(f"192.0.2.{last}")
    with pytest.raises(Problem):
        pace.check("192.0.2.3")
