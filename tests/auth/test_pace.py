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
