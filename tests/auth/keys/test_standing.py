"""gstack.auth.keys.standing: how long the word of CloudStack holds."""

import pytest

from auth.room import Room
from gstack.auth.keys.standing import HOLDS, Standing
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_cloudstack_is_asked_once_a_minute(room: Room) -> None:
    """Within the minute nobody is asked; after it one look is taken, whether or not it was noted before."""
    clock = Clock()
    standing, calls = Standing(room.auth.cloudstack, clock), room.auth.cloudstack.calls
    for _ in range(3):
        await standing.check("a", room.demo)
    assert calls["listUsers"] == 1
    clock.seconds += HOLDS + 1
    standing.note("a")
    await standing.check("a", room.demo)
    assert calls["listUsers"] == 1
    clock.seconds += HOLDS + 1
    await standing.check("a", room.demo)
    assert calls["listUsers"] == 2


async def test_a_refused_pair_stays_refused(room: Room) -> None:
    """What CloudStack does not accept is 401, each time, and each pair for itself."""
    standing = Standing(room.auth.cloudstack)
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    for _ in range(2):
        with pytest.raises(Problem, match="does not accept") as refused:
            await standing.check("a", wrong)
        assert refused.value.status == 401
    await standing.check("b", room.demo)


async def test_a_silent_cloudstack_refuses_nobody(room: Room) -> None:
    """Where CloudStack does not answer, what needs it says so by itself; asked again a minute later."""
    clock, cloudstack = Clock(), room.auth.cloudstack
    standing, endpoint = Standing(cloudstack, clock), cloudstack.endpoint
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    cloudstack.endpoint = "http://127.0.0.1:9/"
    await standing.check("a", wrong)
    cloudstack.endpoint = endpoint
    await standing.check("a", wrong)
    clock.seconds += HOLDS + 1
    with pytest.raises(Problem, match="does not accept"):
        await standing.check("a", wrong)
