"""gstack.auth.keys.service_accounts: Google's key files, and the pairs behind them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth.jwts import assertion, self_signed
from auth.room import JWT_BEARER, Room
from gstack.auth.guard import Guard
from gstack.auth.keys import service_accounts
from gstack.auth.keys.credentials import PairChecker
from gstack.auth.store import now
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account

URI = "https://localhost:5000/oauth2/token"


async def registered(room: Room, account: str = "demo", **options: Any) -> dict[str, Any]:
    return await service_accounts.register_key(
        room.auth, await room.auth.verify_pair(room.accounts[account]), token_uri=URI, **options
    )


async def test_the_file_is_googles(room: Room) -> None:
    """A key file has every field that Google's libraries read, a 2048-bit PKCS8 key, and no universe_domain."""
    file = await registered(room)
    assert file["type"] == "service_account"
    assert file["project_id"] == "demo"
    assert file["client_email"] == "demo@demo.iam.gserviceaccount.com"
    assert file["token_uri"] == URI
    assert file["auth_uri"] == "https://localhost:5000/oauth2/auth"
    assert file["private_key"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert getattr(load_pem_private_key(file["private_key"].encode(), None), "key_size", 0) == 2048
    assert len(file["private_key_id"]) == 40
    assert file["client_id"].isdigit()
    assert len(file["client_id"]) == 21
    assert "universe_domain" not in file


async def test_accounts_never_share_an_e_mail(room: Room) -> None:
    """An e-mail names one key pair; a second pair with the same name gets another e-mail."""
    first = await registered(room, project="shared")
    again = await registered(room, project="shared")
    other = await registered(room, "other", project="shared")
    assert first["client_email"] == again["client_email"]
    assert other["client_email"] == "other@shared.iam.gserviceaccount.com"
    odd = await registered(room, project="brogand93@darrenbrogan.ie")
    assert odd["client_email"] == "demo@brogand93-darrenbrogan-ie.iam.gserviceaccount.com"
    assert odd["project_id"] == "brogand93@darrenbrogan.ie"


async def test_list_and_revoke(room: Room) -> None:
    """Keys are listed with label, expiry and last use; a revoked key stays listed and cannot be revoked again."""
    file = await registered(room, label="ci", expires=now() + timedelta(days=1))
    await registered(room, "other")
    assert (await room.who(self_signed(file))).status_code == 200
    listed = {key.key_id: key for key in await service_accounts.list_keys(room.auth)}
    assert len(listed) == 2
    key = listed[file["private_key_id"]]
    assert (key.label, key.revoked) == ("ci", None)
    assert key.expires
    assert key.last_used
    assert [own.key_id for own in await service_accounts.list_keys(room.auth, key.credential_id)] == [key.key_id]
    assert (await service_accounts.revoke_key(room.auth, key.key_id)).found
    assert not (await service_accounts.revoke_key(room.auth, key.key_id)).found
    assert not (await service_accounts.revoke_key(room.auth, "unknown")).found
    assert (await room.who(self_signed(file))).status_code == 401


async def test_a_key_ends(room: Room) -> None:
    """An expired key is refused."""
    ended = await registered(room, expires=now() - timedelta(seconds=1))
    assert (await room.who(self_signed(ended))).status_code == 401


@pytest.mark.sqlite_files
async def test_nothing_secret_is_stored(room: Room) -> None:
    """The database's files contain no private key, CloudStack secret or token."""
    file = await registered(room)
    tokens = (await room.exchange(await room.code())).json
    await room.engine.dispose()
    stored = b"".join(path.read_bytes() for path in room.auth.settings.home.glob("gstack.db*"))
    body = "".join(file["private_key"].splitlines()[1:3])[:60]
    for secret in (room.demo.secret_key, body, tokens["access_token"], tokens["refresh_token"]):
        assert secret.encode() not in stored
    assert room.demo.api_key.encode() in stored


URI = "https://localhost:5000/oauth2/token"


def _settings(request: pytest.FixtureRequest) -> SandboxSettings:
    accounts = (new_account("demo"), new_account("other"))
    return SandboxSettings(accounts, job_delay=0, **getattr(request, "param", {}))


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    with running(_settings(request)) as server:
        yield server


async def created(room: Room, **changes: Any) -> dict[str, Any]:
    return await service_accounts.create_key(room.auth, room.demo, project=None, token_uri=URI, **changes)


def names(sandbox: ThreadedSandbox) -> list[str]:
    user = sandbox.sandbox.world.first("user", username="demo")
    assert user
    return [row["name"] for row in sandbox.sandbox.world.find("userkey", userid=user["id"])]


async def test_each_key_has_a_pair_of_its_own(room: Room, sandbox: ThreadedSandbox) -> None:
    """Each key has a pair with name and date, and revoking the key deletes only that pair."""
    first, second = await created(room, label="ci"), await created(room, expires=now() + timedelta(days=1))
    assert f"gstack key ci {now():%Y-%m-%d}" in names(sandbox)
    assert len(names(sandbox)) == 3
    credential = await room.auth.verify_pair(room.demo)
    assert [key.key_id for key in await service_accounts.keys_of_user(room.auth, credential)] == [
        second["private_key_id"],
        first["private_key_id"],
    ]
    assert await service_accounts.revoke_key(
        room.auth, first["private_key_id"], room.demo
    ) == service_accounts.Revocation(found=True)
    assert len(names(sandbox)) == 2
    assert f"gstack key ci {now():%Y-%m-%d}" not in names(sandbox)
    assert await service_accounts.revoke_key(room.auth, first["private_key_id"]) == service_accounts.Revocation(
        found=False
    )


async def test_a_pair_can_delete_itself(room: Room, sandbox: ThreadedSandbox) -> None:
    """An operator can revoke a key without the user's pair."""
    key = await created(room)
    assert await service_accounts.revoke_key(room.auth, key["private_key_id"]) == service_accounts.Revocation(
        found=True
    )
    assert len(names(sandbox)) == 1


async def test_a_pair_deleted_at_cloudstack_ends_its_key_here(room: Room, sandbox: ThreadedSandbox) -> None:
    """After its pair is deleted in CloudStack, a key and its tokens are refused, and other keys still work."""
    key, other = await created(room, label="ci"), await created(room)
    token = (await room.token(JWT_BEARER, assertion=assertion(key))).json["access_token"]
    assert (await room.who(self_signed(key))).status_code == 200
    for row in sandbox.sandbox.world.find("userkey", name=f"gstack key ci {now():%Y-%m-%d}"):
        sandbox.sandbox.world.delete("userkey", row["id"])
    restarted = PairChecker(room.auth.cloudstack)  # another worker, or this one a minute later
    room.auth.checker = restarted
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
    """A key's own pair is deleted with its key, even if somebody signed in with it."""
    key = await created(room, label="ci")
    (row,) = sandbox.sandbox.world.find("userkey", name=f"gstack key ci {now():%Y-%m-%d}")
    pair = KeyPair(row["apikey"], row["secretkey"])
    assert (await room.token("client_credentials", pair)).status_code == 200
    await service_accounts.revoke_key(room.auth, key["private_key_id"])
    assert len(names(sandbox)) == 1


async def test_is_good(room: Room, sandbox: ThreadedSandbox) -> None:
    """A key file is usable while its key is valid and its pair is in CloudStack, for its own user only."""
    file, gone = await created(room), await created(room, label="gone")
    stranger = room.accounts["other"]
    assert await service_accounts.is_usable(room.auth, file["private_key_id"], room.demo)
    assert not await service_accounts.is_usable(room.auth, file["private_key_id"], stranger)
    assert not await service_accounts.is_usable(room.auth, "unknown", room.demo)
    for row in sandbox.sandbox.world.find("userkey", name=f"gstack key gone {now():%Y-%m-%d}"):
        sandbox.sandbox.world.delete("userkey", row["id"])
    assert not await service_accounts.is_usable(room.auth, gone["private_key_id"], room.demo)
    await service_accounts.revoke_key(room.auth, file["private_key_id"])
    assert not await service_accounts.is_usable(room.auth, file["private_key_id"], room.demo)


async def test_a_pair_that_stays_is_told(room: Room, sandbox: ThreadedSandbox) -> None:
    """If CloudStack does not answer, the key is revoked here anyway, and the result says what is left there."""
    key = await created(room)
    room.auth.cloudstack.endpoint = "http://127.0.0.1:9/"
    revoked = await service_accounts.revoke_key(room.auth, key["private_key_id"], room.demo)
    assert revoked.found
    assert "does not answer" in revoked.left
    assert len(names(sandbox)) == 2


@pytest.mark.parametrize("sandbox", [{"cloudstack_version": "4.22"}], indirect=True)
async def test_with_one_pair_keys_stand_on_it(room: Room, sandbox: ThreadedSandbox) -> None:
    """With one pair per user, no pair is created or replaced, and revoking a key leaves the user's pair alone."""
    key = await created(room)
    assert len(names(sandbox)) == 1
    assert await service_accounts.revoke_key(
        room.auth, key["private_key_id"], room.demo
    ) == service_accounts.Revocation(found=True)
    assert (await room.auth.verify_pair(room.demo)).account == "demo"


@pytest.mark.parametrize(
    "changes", [{"label": "x" * 61}, {"label": "a\x00b"}, {"expires": now() - timedelta(seconds=1)}]
)
async def test_wrong_keys_are_refused_before_anything_is_made(
    room: Room, sandbox: ThreadedSandbox, changes: dict[str, Any]
) -> None:
    """A bad label or expiry time is refused before a pair is created."""
    with pytest.raises(Problem, match="Invalid value"):
        await created(room, **changes)
    assert len(names(sandbox)) == 1
