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


ONE_PAIR = pytest.mark.parametrize("sandbox", [{"cloudstack_version": "4.22"}], indirect=True)


def user_of(sandbox: ThreadedSandbox) -> str:
    user = sandbox.sandbox.world.first("user", username="demo")
    assert user
    return str(user["id"])


async def test_several_pairs_are_seen(room: Room) -> None:
    """CloudStack 4.23 has several pairs per user, with names."""
    assert await key_pairs.capabilities(room.auth.cloudstack.client(room.demo)) == Capabilities(
        create=True, several=True, read=True
    )


@ONE_PAIR
async def test_one_pair_is_seen(room: Room) -> None:
    """Earlier versions have one pair per user and no names, list or deletion."""
    assert await key_pairs.capabilities(room.auth.cloudstack.client(room.demo)) == Capabilities(
        create=True, several=False, read=True
    )


async def test_made_pairs_have_names_and_days(room: Room, sandbox: ThreadedSandbox) -> None:
    """A created pair has its name and end date, is not taken for the user's own, and can be deleted alone."""
    client, user = room.auth.cloudstack.client(room.demo), user_of(sandbox)
    can = await key_pairs.capabilities(client)
    pair = await key_pairs.create(
        client, user, can, f"{key_pairs.SERVICE_KEY_PREFIX} x", "why", now() + timedelta(days=3)
    )
    row = sandbox.sandbox.world.first("userkey", apikey=pair.api_key)
    assert row
    assert (row["name"], row["enddate"][:10]) == ("gstack key x", f"{now() + timedelta(days=3):%Y-%m-%d}")
    assert await key_pairs.find_pair(client, user, can) == room.demo
    assert await key_pairs.find_user(client, pair.api_key) == user
    await key_pairs.delete(client, user, pair.api_key)
    await key_pairs.delete(client, user, pair.api_key)
    assert len(sandbox.sandbox.world.find("userkey", userid=user)) == 1


async def test_pairs_that_ended_are_not_used(room: Room, sandbox: ThreadedSandbox) -> None:
    """Only a valid pair is found; an expired one still counts as a pair that the user has."""
    client, user, world = room.auth.cloudstack.client(room.demo), user_of(sandbox), sandbox.sandbox.world
    can = await key_pairs.capabilities(client)
    pair = await key_pairs.create(client, user, can, "mine")
    (old,) = (row for row in world.find("userkey", userid=user) if row["apikey"] == room.demo.api_key)
    world.update("userkey", old["id"], enddate="2020-01-01T23:59:59+0000")
    again = room.auth.cloudstack.client(pair)
    assert await key_pairs.find_pair(again, user, can) == pair
    assert await key_pairs.has_pair(again, user)


@ONE_PAIR
async def test_the_one_pair_is_found(room: Room, sandbox: ThreadedSandbox) -> None:
    """With one pair per user, getUserKeys shows it."""
    client = room.auth.cloudstack.client(room.demo)
    assert await key_pairs.find_pair(client, user_of(sandbox), await key_pairs.capabilities(client)) == room.demo
