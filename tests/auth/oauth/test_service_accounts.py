"""gstack.auth.oauth.service_accounts: Google's own libraries sign, our endpoints check."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from auth.jwts import CLOUD, assertion, claims_of, self_signed, signed
from auth.room import JWT_BEARER, Room
from gstack.auth.keys import service_accounts as keys

URI = "https://localhost:5000/oauth2/token"


SERVICE: Any = service_account.Credentials  # google-auth's types do not reach its constructors
IDENTITY: Any = service_account.IDTokenCredentials
USER: Any = user_credentials.Credentials


class Answer(NamedTuple):
    """What google-auth reads of an answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Wire:
    """google-auth's blocking transport, carried to the app of a room, whose loop it must not block."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._loop = asyncio.get_running_loop()

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> Answer:
        path = url.removeprefix("https://localhost:5000")
        work = self._room.http.simulate_request(method, path, body=body, headers=dict(headers or {}))
        result = asyncio.run_coroutine_threadsafe(work, self._loop).result(30)
        return Answer(result.status_code, result.headers, result.content)


async def key_file(room: Room, **options: Any) -> dict[str, Any]:
    return await keys.register_key(room.auth, await room.auth.proved(room.demo), token_uri=URI, **options)


async def test_google_auths_service_account(room: Room) -> None:
    """google-auth reads our key file and exchanges its assertion for a token that works."""
    known = SERVICE.from_service_account_info(await key_file(room), scopes=[CLOUD])
    await asyncio.to_thread(known.refresh, Wire(room))
    assert known.token.startswith("ya29.")
    assert (await room.who(known.token)).json["email"] == known.service_account_email


async def test_google_auths_self_signed_jwt(room: Room) -> None:
    """As google-cloud-compute does it: no token call, the JWT for compute.googleapis.com is the bearer itself."""
    known = SERVICE.from_service_account_info(await key_file(room), always_use_jwt_access=True, default_scopes=[CLOUD])
    known._create_self_signed_jwt("https://compute.googleapis.com/")
    await asyncio.to_thread(known.refresh, Wire(room))
    assert known.token.startswith("eyJ")
    assert (await room.who(known.token)).status_code == 200
    scoped = known.with_scopes([CLOUD])
    scoped._create_self_signed_jwt(None)
    await asyncio.to_thread(scoped.refresh, Wire(room))
    assert (await room.who(scoped.token)).status_code == 200


async def test_google_auths_id_token(room: Room) -> None:
    """google-auth's IDTokenCredentials get an id token with the right audience."""
    known = IDENTITY.from_service_account_info(await key_file(room), target_audience="https://some.example")
    await asyncio.to_thread(known.refresh, Wire(room))
    assert known.valid


async def test_google_auth_refreshes_a_user(room: Room) -> None:
    """google-auth's user credentials refresh with the refresh token, and keep its successor."""
    first = (await room.exchange(await room.code())).json
    known = USER(
        None,
        refresh_token=first["refresh_token"],
        token_uri=URI,
        client_id=room.demo.api_key,
        client_secret=room.demo.secret_key,
    )
    for _ in range(2):
        await asyncio.to_thread(known.refresh, Wire(room))
        assert (await room.who(known.token)).status_code == 200
    assert known.refresh_token != first["refresh_token"]


async def test_several_keys_of_one_account(room: Room) -> None:
    """Without a key id the signature finds its key among those of the account; a revoked one is not among them."""
    first, second = await key_file(room), await key_file(room)
    assert first["client_email"] == second["client_email"]
    for file in (first, second):
        token = signed(file, claims_of(file), kid=None)
        assert (await room.token(JWT_BEARER, assertion=token)).status_code == 200
    await keys.revoke_key(room.auth, first["private_key_id"])
    assert (await room.who(self_signed(first))).status_code == 401
    assert (await room.token(JWT_BEARER, assertion=assertion(second))).status_code == 200
