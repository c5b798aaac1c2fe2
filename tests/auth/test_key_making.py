"""gstack.auth.key_making: keys on pairs of their own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from auth.room import Room
from gstack.auth import key_making
from gstack.auth.store import now
from gstack.errors import Problem
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account

URI = "https://localhost:5000/oauth2/token"


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings((new_account("demo"),), job_delay=0, **getattr(request, "param", {}))) as server:
        yield server


async def made(room: Room, **changes: Any) -> dict[str, Any]:
    return await key_making.create(room.auth, room.demo, project=None, token_uri=URI, **changes)


def names(sandbox: ThreadedSandbox) -> list[str]:
    return [row["name"] for row in sandbox.sandbox.world.all("userkey")]


async def test_each_key_has_a_pair_of_its_own(room: Room, sandbox: ThreadedSandbox) -> None:
    """Two keys, two pairs, named and dated; revoking one deletes its pair and no other."""
    first, second = await made(room, label="ci"), await made(room, expires=now() + timedelta(days=1))
    assert f"gstack key ci {now():%Y-%m-%d}" in names(sandbox)
    assert len(names(sandbox)) == 3
    credential = await room.auth.proved(room.demo)
    assert [key.key_id for key in await key_making.of_user(room.auth, credential)] == [
        second["private_key_id"],
        first["private_key_id"],
    ]
    assert await key_making.revoke(room.auth, first["private_key_id"], room.demo) == key_making.Revoked(found=True)
    assert len(names(sandbox)) == 2
    assert f"gstack key ci {now():%Y-%m-%d}" not in names(sandbox)
    assert await key_making.revoke(room.auth, first["private_key_id"]) == key_making.Revoked(found=False)


async def test_a_pair_can_delete_itself(room: Room, sandbox: ThreadedSandbox) -> None:
    """The operator revokes without the user's pair."""
    key = await made(room)
    assert await key_making.revoke(room.auth, key["private_key_id"]) == key_making.Revoked(found=True)
    assert len(names(sandbox)) == 1


async def test_a_pair_that_stays_is_told(room: Room, sandbox: ThreadedSandbox) -> None:
    """Where CloudStack does not answer, the key is revoked here all the same, and what stays there is said."""
    key = await made(room)
    room.auth.cloudstack.endpoint = "http://127.0.0.1:9/"
    revoked = await key_making.revoke(room.auth, key["private_key_id"], room.demo)
    assert revoked.found
    assert "does not answer" in revoked.left
    assert len(names(sandbox)) == 2


@pytest.mark.parametrize("sandbox", [{"several_key_pairs": False}], indirect=True)
async def test_with_one_pair_keys_stand_on_it(room: Room, sandbox: ThreadedSandbox) -> None:
    """No pair is made or replaced, and revoking leaves the user's pair alone."""
    key = await made(room)
    assert len(names(sandbox)) == 1
    assert await key_making.revoke(room.auth, key["private_key_id"], room.demo) == key_making.Revoked(found=True)
    assert (await room.auth.proved(room.demo)).account == "demo"


@pytest.mark.parametrize(
    "changes", [{"label": "x" * 61}, {"label": "a\x00b"}, {"expires": now() - timedelta(seconds=1)}]
)
async def test_wrong_keys_are_refused_before_anything_is_made(
    room: Room, sandbox: ThreadedSandbox, changes: dict[str, Any]
) -> None:
    """A name or a day that cannot be is refused, and CloudStack is not asked."""
    with pytest.raises(Problem, match="Invalid value"):
        await made(room, **changes)
    assert len(names(sandbox)) == 1
