"""gstack.auth.keys.credentials: verified pairs, one sealed row each."""

import pytest
from sqlalchemy import func, select, update

from auth.room import Room
from gstack.auth.keys.credentials import CHECK_SECONDS, PairChecker, credential_id_of, identify, unseal_pair
from gstack.auth.keys.sealing import WrongKeyError
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import credentials
from gstack.errors import Problem


async def test_a_pair_has_one_row(room: Room) -> None:
    """A pair that is verified twice has one row, from which its secret can be read again."""
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
    """The repr of a pair contains no secret."""
    assert "secret" not in repr(KeyPair("k" * 86, "secret"))


async def test_a_good_pair_tells_its_user(room: Room) -> None:
    """One CloudStack call tells account, domain and e-mail."""
    before = room.auth.cloudstack.calls.total()
    identity = await identify(room.auth.cloudstack, room.demo)
    assert room.auth.cloudstack.calls.total() == before + 1
    assert identity.account == "demo"
    assert identity.account_id
    assert identity.domain_id
    assert "@" in identity.email


async def test_what_can_be_no_pair_is_not_sent(room: Room) -> None:
    """A malformed pair is refused without a call to CloudStack."""
    before = room.auth.cloudstack.calls.total()
    for keys in (KeyPair("short", "s"), KeyPair("k" * 86, ""), KeyPair("k" * 86, "a\nb")):
        with pytest.raises(Problem) as refused:
            await identify(room.auth.cloudstack, keys)
        assert refused.value.status == 401
    assert room.auth.cloudstack.calls.total() == before


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def test_cloudstack_is_asked_once_a_minute(room: Room) -> None:
    """A pair is checked once a minute, and a recorded success counts as a check."""
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
    """A pair that CloudStack rejects is 401 each time, and other pairs are not affected."""
    standing = PairChecker(room.auth.cloudstack)
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    for _ in range(2):
        with pytest.raises(Problem, match="does not accept") as refused:
            await standing.check("a", wrong)
        assert refused.value.status == 401
    await standing.check("b", room.demo)


async def test_a_silent_cloudstack_refuses_nobody(room: Room) -> None:
    """If CloudStack does not answer, nobody is refused, and the pair is checked again a minute later."""
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
