"""gstack.auth.keys.key_pairs against CloudStacks with several pairs per user, and with one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from auth.room import Room
from gstack.auth.keys import key_pairs
from gstack.auth.keys.key_pairs import Capabilities
from gstack.auth.store import now
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings((new_account("demo"),), job_delay=0, **getattr(request, "param", {}))) as server:
        yield server


ONE_PAIR = pytest.mark.parametrize("sandbox", [{"several_key_pairs": False}], indirect=True)


def user_of(sandbox: ThreadedSandbox) -> str:
    user = sandbox.sandbox.world.first("user", username="demo")
    assert user
    return str(user["id"])


async def test_several_pairs_are_seen(room: Room) -> None:
    """CloudStack 4.23: named pairs beside each other."""
    assert await key_pairs.capabilities(room.auth.cloudstack.client(room.demo)) == Capabilities(
        create=True, several=True, read=True
    )


@ONE_PAIR
async def test_one_pair_is_seen(room: Room) -> None:
    """Before it: no names, no list, no deletion."""
    assert await key_pairs.capabilities(room.auth.cloudstack.client(room.demo)) == Capabilities(
        create=True, several=False, read=True
    )


async def test_made_pairs_have_names_and_days(room: Room, sandbox: ThreadedSandbox) -> None:
    """A pair is made with name and last day, works, is not taken for the user's own, and goes alone."""
    client, user = room.auth.cloudstack.client(room.demo), user_of(sandbox)
    known = await key_pairs.capabilities(client)
    made = await key_pairs.create(
        client, user, known, f"{key_pairs.SERVICE_KEY_PREFIX} x", "why", now() + timedelta(days=3)
    )
    row = sandbox.sandbox.world.first("userkey", apikey=made.api_key)
    assert row
    assert (row["name"], row["enddate"][:10]) == ("gstack key x", f"{now() + timedelta(days=3):%Y-%m-%d}")
    assert await key_pairs.find_pair(client, user, known) == room.demo
    assert await key_pairs.find_user(client, made.api_key) == user
    await key_pairs.delete(client, user, made.api_key)
    await key_pairs.delete(client, user, made.api_key)
    assert len(sandbox.sandbox.world.find("userkey", userid=user)) == 1


async def test_pairs_that_ended_are_not_used(room: Room, sandbox: ThreadedSandbox) -> None:
    """An own pair is one in force; where all have ended there is none, though the user still has one."""
    client, user, world = room.auth.cloudstack.client(room.demo), user_of(sandbox), sandbox.sandbox.world
    known = await key_pairs.capabilities(client)
    made = await key_pairs.create(client, user, known, "mine")
    (old,) = (row for row in world.find("userkey", userid=user) if row["apikey"] == room.demo.api_key)
    world.update("userkey", old["id"], enddate="2020-01-01T23:59:59+0000")
    again = room.auth.cloudstack.client(made)
    assert await key_pairs.find_pair(again, user, known) == made
    assert await key_pairs.has_pair(again, user)


@ONE_PAIR
async def test_the_one_pair_is_found(room: Room, sandbox: ThreadedSandbox) -> None:
    """GetUserKeys shows it."""
    client = room.auth.cloudstack.client(room.demo)
    assert await key_pairs.find_pair(client, user_of(sandbox), await key_pairs.capabilities(client)) == room.demo
