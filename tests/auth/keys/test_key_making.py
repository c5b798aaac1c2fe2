"""gstack.auth.keys.key_making: keys on pairs of their own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from auth.jwts import assertion, self_signed
from auth.room import JWT_BEARER, Room
from gstack.auth.guard import Guard
from gstack.auth.keys import key_making
from gstack.auth.keys import service_accounts as keys
from gstack.auth.keys.standing import Standing
from gstack.auth.store import now
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account

URI = "https://localhost:5000/oauth2/token"


def _settings(request: pytest.FixtureRequest) -> SandboxSettings:
    accounts = (new_account("demo"), new_account("other"))
    return SandboxSettings(accounts, job_delay=0, **getattr(request, "param", {}))


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    with running(_settings(request)) as server:
        yield server


async def made(room: Room, **changes: Any) -> dict[str, Any]:
    return await key_making.create(room.auth, room.demo, project=None, token_uri=URI, **changes)


def names(sandbox: ThreadedSandbox) -> list[str]:
    user = sandbox.sandbox.world.first("user", username="demo")
    assert user
    return [row["name"] for row in sandbox.sandbox.world.find("userkey", userid=user["id"])]


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


async def test_a_pair_deleted_at_cloudstack_ends_its_key_here(room: Room, sandbox: ThreadedSandbox) -> None:
    """Deleted there, the key brings no token of any kind, what it brought is refused, and other keys go on."""
    key, other = await made(room, label="ci"), await made(room)
    token = (await room.token(JWT_BEARER, assertion=assertion(key))).json["access_token"]
    assert (await room.who(self_signed(key))).status_code == 200
    for row in sandbox.sandbox.world.find("userkey", name=f"gstack key ci {now():%Y-%m-%d}"):
        sandbox.sandbox.world.delete("userkey", row["id"])
    restarted = Standing(room.auth.cloudstack)  # another worker, or this one a minute later
    room.auth.standing = restarted
    auth = room.auth
    auth.guard = Guard(auth.store, auth.seal, auth.addresses, restarted, auth.revocations)
    for claims in ({}, {"target_audience": "somebody", "scope": None}):
        answer = await room.token(JWT_BEARER, assertion=assertion(key, **claims))
        assert answer.json["error"] == "invalid_grant"
        assert "CloudStack" in answer.json["error_description"]
    for bearer in (token, self_signed(key)):
        assert (await room.who(bearer)).status_code == 401
    assert (await room.who(self_signed(other))).status_code == 200


async def test_signing_in_with_a_keys_own_pair_leaves_it_the_keys(room: Room, sandbox: ThreadedSandbox) -> None:
    """Whoever shows such a pair as his own does not keep it from going with its key."""
    key = await made(room, label="ci")
    (row,) = sandbox.sandbox.world.find("userkey", name=f"gstack key ci {now():%Y-%m-%d}")
    pair = KeyPair(row["apikey"], row["secretkey"])
    assert (await room.token("client_credentials", pair)).status_code == 200
    await key_making.revoke(room.auth, key["private_key_id"])
    assert len(names(sandbox)) == 1


async def test_is_good(room: Room, sandbox: ThreadedSandbox) -> None:
    """A kept key file is good while its key is in force and its pair at CloudStack, for its own user."""
    file, gone = await made(room), await made(room, label="gone")
    stranger = room.accounts["other"]
    assert await key_making.is_good(room.auth, file["private_key_id"], room.demo)
    assert not await key_making.is_good(room.auth, file["private_key_id"], stranger)
    assert not await key_making.is_good(room.auth, "unknown", room.demo)
    for row in sandbox.sandbox.world.find("userkey", name=f"gstack key gone {now():%Y-%m-%d}"):
        sandbox.sandbox.world.delete("userkey", row["id"])
    assert not await key_making.is_good(room.auth, gone["private_key_id"], room.demo)
    await keys.revoke_key(room.auth, file["private_key_id"])
    assert not await key_making.is_good(room.auth, file["private_key_id"], room.demo)


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
