"""gstack.auth.keys.credentials: one sealed row per pair."""

import pytest
from sqlalchemy import func, select, update

from auth.room import Room
from gstack.auth.keys.credentials import CHECK_SECONDS, PairChecker, credential_id_of, find_owner, unseal_pair
from gstack.auth.keys.sealing import WrongKeyError
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import credentials
from gstack.errors import Problem


async def test_a_pair_has_one_row(room: Room) -> None:
    """Proved twice, a pair is kept once, and its secret comes back as it was."""
    first, second = await room.auth.verify_pair(room.demo), await room.auth.verify_pair(room.demo)
    assert first.id == second.id == credential_id_of(room.demo)
    assert unseal_pair(room.auth.seal, second) == room.demo
    async with room.engine.begin() as connection:
        assert (await connection.execute(select(func.count()).select_from(credentials))).scalar() == 1


async def test_a_row_cannot_lend_anothers_secret(room: Room) -> None:
    """A sealed secret that was moved to another row is noticed."""
    mine, theirs = await room.auth.verify_pair(room.demo), await room.auth.verify_pair(room.accounts["other"])
    async with room.engine.begin() as connection:
        moved = update(credentials).where(credentials.c.id == mine.id).values(sealed_secret=theirs.sealed_secret)
        await connection.execute(moved)
    with pytest.raises(WrongKeyError):
        await room.auth.key_pair(mine.id)


def test_a_pair_does_not_show_its_secret() -> None:
    """What might reach a log names the key's beginning alone."""
    assert "secret" not in repr(KeyPair("k" * 86, "secret"))


async def test_a_good_pair_tells_its_user(room: Room) -> None:
    """Account, domain and e-mail come from one CloudStack call."""
    before = room.auth.cloudstack.calls.total()
    identity = await find_owner(room.auth.cloudstack, room.demo)
    assert room.auth.cloudstack.calls.total() == before + 1
    assert identity.account == "demo"
    assert identity.account_id
    assert identity.domain_id
    assert "@" in identity.email


async def test_what_can_be_no_pair_is_not_sent(room: Room) -> None:
    """A malformed pair is refused before CloudStack is asked."""
    before = room.auth.cloudstack.calls.total()
    for keys in (KeyPair("short", "s"), KeyPair("k" * 86, ""), KeyPair("k" * 86, "a\nb")):
        with pytest.raises(Problem) as refused:
            await find_owner(room.auth.cloudstack, keys)
        assert refused.value.status == 401
    assert room.auth.cloudstack.calls.total() == before


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_cloudstack_is_asked_once_a_minute(room: Room) -> None:
    """Within the minute nobody is asked; after it one look is taken, whether or not it was noted before."""
    clock = Clock()
    standing, calls = PairChecker(room.auth.cloudstack, clock), room.auth.cloudstack.calls
    for _ in range(3):
        await standing.check("a", room.demo)
    assert calls["listUsers"] == 1
    clock.seconds += CHECK_SECONDS + 1
    standing.record("a")
    await standing.check("a", room.demo)
    assert calls["listUsers"] == 1
    clock.seconds += CHECK_SECONDS + 1
    await standing.check("a", room.demo)
    assert calls["listUsers"] == 2


async def test_a_refused_pair_stays_refused(room: Room) -> None:
    """What CloudStack does not accept is 401, each time, and each pair for itself."""
    standing = PairChecker(room.auth.cloudstack)
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    for _ in range(2):
        with pytest.raises(Problem, match="does not accept") as refused:
            await standing.check("a", wrong)
        assert refused.value.status == 401
    await standing.check("b", room.demo)


async def test_a_silent_cloudstack_refuses_nobody(room: Room) -> None:
    """Where CloudStack does not answer, what needs it says so by itself; asked again a minute later."""
    clock, cloudstack = Clock(), room.auth.cloudstack
    standing, endpoint = PairChecker(cloudstack, clock), cloudstack.endpoint
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    cloudstack.endpoint = "http://127.0.0.1:9/"
    await standing.check("a", wrong)
    cloudstack.endpoint = endpoint
    await standing.check("a", wrong)
    clock.seconds += CHECK_SECONDS + 1
    with pytest.raises(Problem, match="does not accept"):
        await standing.check("a", wrong)
