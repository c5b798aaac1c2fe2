"""gstack.auth.keys.proof: whose pair it is."""

import pytest

from auth.room import Room
from gstack.auth.keys.proof import prove
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem


async def test_a_good_pair_tells_its_user(room: Room) -> None:
    """Account, domain and e-mail come from one CloudStack call."""
    before = room.auth.cloudstack.calls.total()
    identity = await prove(room.auth.cloudstack, room.demo)
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
            await prove(room.auth.cloudstack, keys)
        assert refused.value.status == 401
    assert room.auth.cloudstack.calls.total() == before
