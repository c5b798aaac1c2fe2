"""gstack.auth.guard: which tokens it accepts, and how soon a revocation counts."""

import asyncio
import base64
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from auth.jwts import CLOUD, COMPUTE, claims_of, self_signed, signed, unsigned, with_secret
from auth.room import Room
from gstack.auth import guard as guards
from gstack.auth.auth import Auth
from gstack.auth.keys import service_accounts
from gstack.auth.store import Store, now
from gstack.auth.tokens import digest
from gstack.db.tables import credentials, tokens

URI = "https://localhost:5000/oauth2/token"


async def access(room: Room, account: str = "demo") -> str:
    return str((await room.token("client_credentials", room.accounts[account])).json["access_token"])


async def key_file(room: Room, account: str = "demo", **options: Any) -> dict[str, Any]:
    return await service_accounts.register_key(
        room.auth, await room.auth.verify_pair(room.accounts[account]), token_uri=URI, **options
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "OAuth"])
async def test_schemes(room: Room, scheme: str) -> None:
    """The scheme is `Bearer` in any case, or Google's old `OAuth`."""
    headers = {"Authorization": f"{scheme} {await access(room)}"}
    assert (await room.http.simulate_get("/v1/userinfo", headers=headers)).status_code == 200


async def test_token_in_the_query(room: Room) -> None:
    """The token may be in the query as `access_token`, as with Google."""
    assert (await room.who("", access_token=await access(room))).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer ya29.guess", "Bearer ü", "x"])
async def test_no_token_no_entry(room: Room, header: str) -> None:
    """No token, another scheme, or a guess is 401 with a challenge, in Google's error envelope."""
    headers = {"Authorization": header} if header else {}
    answer = await room.http.simulate_get("/v1/userinfo", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json["error"]["errors"][0]["reason"] == "authError"


async def test_each_token_speaks_for_its_account(room: Room) -> None:
    """Tokens of two accounts belong to two callers."""
    assert (await room.who(await access(room, "demo"))).json["name"] == "demo"
    assert (await room.who(await access(room, "other"))).json["name"] == "other"


async def test_an_access_token_ends(room: Room) -> None:
    """An expired token is refused."""
    token = await access(room)
    async with room.engine.begin() as connection:
        await connection.execute(update(tokens).values(expires=now() - timedelta(seconds=1)))
    assert (await room.who(token)).status_code == 401


async def test_a_revoked_credential_ends_everything(room: Room) -> None:
    """Tokens and service accounts of a revoked credential are refused, and it gets no new tokens."""
    token, file = await access(room), await key_file(room)
    async with room.engine.begin() as connection:
        await connection.execute(update(credentials).values(revoked=now()))
    assert (await room.who(token)).status_code == 401
    assert (await room.who(self_signed(file))).status_code == 401
    assert (await room.token("client_credentials", room.demo)).json["error"] == "invalid_client"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": "https://localhost:5000/"},
        {"aud": "https://localhost:5000"},
        {"aud": None, "scope": CLOUD},
        {"aud": "", "scope": CLOUD},
    ],
)
async def test_self_signed_jwts(room: Room, changes: dict[str, Any]) -> None:
    """A JWT for this API, or with a scope instead of an audience, is accepted as a bearer token."""
    file = await key_file(room)
    answer = await room.who(self_signed(file, **changes))
    assert answer.status_code == 200, answer.text
    assert answer.json["email"] == file["client_email"]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": None},
        {"aud": ""},
        {"aud": "https://oauth2.googleapis.com/token"},
        {"aud": "https://storage.googleapis.com/"},
        {"aud": "https://evil.example/"},
        {"aud": [COMPUTE, "https://evil.example/"]},
        {"sub": None},
        {"sub": "admin@example.org"},
        {"iss": "admin@example.org", "sub": "admin@example.org"},
        {"exp": int(time.time()) - 100},
        {"exp": int(time.time()) + 90_000},
        {"iat": int(time.time()) + 1000},
    ],
)
async def test_self_signed_jwts_for_others_or_other_times(room: Room, changes: dict[str, Any]) -> None:
    """A JWT with another audience, without audience and scope, with another subject or a wrong time is 401."""
    assert (await room.who(self_signed(await key_file(room), **changes))).status_code == 401


async def test_forged_jwts(room: Room) -> None:
    """Alg none, HS256 with the public key, and another account's key are 401."""
    file, theirs = await key_file(room), await key_file(room, "other")
    claims = claims_of(file, sub=file["client_email"], aud=COMPUTE)
    public = (await service_accounts.list_keys(room.auth))[0].public_key
    forged = [
        unsigned(claims, kid=file["private_key_id"]),
        with_secret(claims, public.encode(), kid=file["private_key_id"]),
        signed(theirs, claims),
        signed(theirs, claims, kid=file["private_key_id"]),
        signed(theirs, claims, kid=None),
    ]
    for token in forged:
        assert (await room.who(token)).status_code == 401, token


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b'{"alg":"RS256"}', b'{"iss":"a","exp":1,"x":' + b"[" * 2500 + b"]" * 2500 + b"}"),
        (b'{"alg":"RS256"}', b'{"iss":"a\\u0000","exp":1}'),
        (b'{"alg":"RS256","kid":"\\u0000"}', b'{"iss":"a","exp":1}'),
        (b"[" * 2500 + b"]" * 2500, b'{"iss":"a","exp":1}'),
    ],
)
async def test_jwts_that_break_readers(room: Room, header: bytes, claims: bytes) -> None:
    """Headers and claims that are nested thousands deep or contain U+0000 are 401, never a server error."""
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, claims, b"x"))
    assert (await room.who(token)).status_code == 401


async def test_a_known_caller_costs_no_read(room: Room) -> None:
    """While a caller is remembered, requests cost no database query."""
    token, jwt = await access(room), self_signed(await key_file(room))
    for bearer in (token, jwt):
        await room.who(bearer)
    seen: list[str] = []
    event.listen(room.engine.sync_engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
    for bearer in (token, jwt):
        assert (await room.who(bearer)).status_code == 200
    assert not seen


@pytest.mark.sqlite_files  # whose signals are files; tests/test_replicas.py knows both kinds
async def test_revocation_is_seen_at_once_elsewhere(room: Room) -> None:
    """A replica forgets a remembered caller as soon as another process or a command revokes something."""
    file = await key_file(room)
    token, jwt = await access(room), self_signed(file)
    for bearer in (token, jwt):
        assert (await room.who(bearer)).status_code == 200
    replica = Auth(room.engine, room.auth.cloudstack, room.auth.settings)
    await service_accounts.revoke_key(replica, file["private_key_id"])
    assert (await room.who(jwt)).status_code == 401
    assert (await room.who(token)).status_code == 200
    await replica.store.revoke_token(digest(token))
    await replica.announce_revocation()
    assert (await room.who(token)).status_code == 401


async def test_an_unheard_revocation_is_seen_within_seconds(room: Room) -> None:
    """If the signal is lost, a caller is remembered for at most `REMEMBER_SECONDS`."""
    file = await key_file(room)
    token, jwt = await access(room), self_signed(file)
    for bearer in (token, jwt):
        assert (await room.who(bearer)).status_code == 200
    store = Store(room.engine)
    await store.revoke_token(digest(token))
    await store.revoke_key(file["private_key_id"], "")
    end = time.monotonic() + guards.REMEMBER_SECONDS + 1
    for bearer in (token, jwt):
        while (await room.who(bearer)).status_code == 200:
            assert time.monotonic() < end
            await asyncio.sleep(0.1)


async def test_what_a_caller_may(room: Room) -> None:
    """The Caller has the granted scopes, or cloud-platform if none were requested."""
    seen = []

    class Probe:
        async def on_get(self, request: Any, _response: Any) -> None:
            seen.append(await room.auth.guard(request))

    room.http.app.add_route("/probe", Probe())
    read_only = "https://www.googleapis.com/auth/compute.readonly"
    for scope in ("", read_only):
        token = (await room.token("client_credentials", room.demo, scope=scope)).json["access_token"]
        await room.http.simulate_get("/probe", headers={"Authorization": f"Bearer {token}"})
    jwt = self_signed(await key_file(room), aud=None, scope=read_only)
    await room.http.simulate_get("/probe", headers={"Authorization": f"Bearer {jwt}"})
    assert [caller.scopes for caller in seen] == [{CLOUD}, {read_only}, {read_only}]
    assert {caller.keys for caller in seen} == {room.demo}
