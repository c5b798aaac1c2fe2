"""gstack.auth.keys.service_accounts: Google's key files."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth.jwts import self_signed
from auth.room import Room
from gstack.auth.keys import service_accounts as keys
from gstack.auth.store import now

URI = "https://localhost:5000/oauth2/token"


async def made(room: Room, account: str = "demo", **options: Any) -> dict[str, Any]:
    return await keys.register_key(room.auth, await room.auth.proved(room.accounts[account]), token_uri=URI, **options)


async def test_the_file_is_googles(room: Room) -> None:
    """Every field that Google's libraries read, a PKCS8 key of 2048 bits, and no universe_domain."""
    file = await made(room)
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
    """An e-mail names one key pair: a second pair that would have the same gets its own."""
    first = await made(room, project="shared")
    again = await made(room, project="shared")
    other = await made(room, "other", project="shared")
    assert first["client_email"] == again["client_email"]
    assert other["client_email"] == "other@shared.iam.gserviceaccount.com"
    odd = await made(room, project="brogand93@darrenbrogan.ie")
    assert odd["client_email"] == "demo@brogand93-darrenbrogan-ie.iam.gserviceaccount.com"
    assert odd["project_id"] == "brogand93@darrenbrogan.ie"


async def test_list_and_revoke(room: Room) -> None:
    """Keys are listed with label, end and last use; a revoked one stays in the list and cannot be revoked again."""
    file = await made(room, label="ci", expires=now() + timedelta(days=1))
    await made(room, "other")
    assert (await room.who(self_signed(file))).status_code == 200
    listed = {key.key_id: key for key in await keys.list_keys(room.auth)}
    assert len(listed) == 2
    key = listed[file["private_key_id"]]
    assert (key.label, key.revoked) == ("ci", None)
    assert key.expires
    assert key.last_used
    assert [own.key_id for own in await keys.list_keys(room.auth, key.credential_id)] == [key.key_id]
    assert await keys.revoke_key(room.auth, key.key_id)
    assert not await keys.revoke_key(room.auth, key.key_id)
    assert not await keys.revoke_key(room.auth, "unknown")
    assert (await room.who(self_signed(file))).status_code == 401


async def test_a_key_ends(room: Room) -> None:
    """A key past its end is refused, and no access token outlives its key."""
    ended = await made(room, expires=now() - timedelta(seconds=1))
    assert (await room.who(self_signed(ended))).status_code == 401


@pytest.mark.sqlite_files
async def test_nothing_secret_is_stored(room: Room) -> None:
    """Neither the private key, nor the CloudStack secret, nor any token stands in the database's files."""
    file = await made(room)
    tokens = (await room.exchange(await room.code())).json
    await room.engine.dispose()
    stored = b"".join(path.read_bytes() for path in room.auth.settings.home.glob("gstack.db*"))
    body = "".join(file["private_key"].splitlines()[1:3])[:60]
    for secret in (room.demo.secret_key, body, tokens["access_token"], tokens["refresh_token"]):
        assert secret.encode() not in stored
    assert room.demo.api_key.encode() in stored
