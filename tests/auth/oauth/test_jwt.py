"""gstack.auth.oauth.jwt: reading and checking JWTs, those of Google's libraries among them."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, RSAKey

from auth.jwts import CLOUD, assertion, claims_of, self_signed, signed
from auth.room import JWT_BEARER, Room
from gstack.auth.keys import service_accounts
from gstack.auth.oauth import jwt
from gstack.auth.oauth.jwt import UntrustedError

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
CLAIMS = {"iss": "a@b.c", "exp": 2_000_000_000}


def public(key: RSAKey | ECKey) -> jwt.PublicKey:
    return jwt.public_key(key.as_pem(private=False).decode())


def test_each_kind_of_key_has_its_one_algorithm() -> None:
    """An RSA key verifies only RS256 and a key on P-256 only ES256."""
    by_rsa = jwt.read(joserfc_jwt.encode({"alg": "RS256"}, CLAIMS, RSA))
    by_ec = jwt.read(joserfc_jwt.encode({"alg": "ES256"}, CLAIMS, EC))
    jwt.check_signature(by_rsa, public(RSA))
    jwt.check_signature(by_ec, public(EC))
    for parsed, key in ((by_rsa, EC), (by_ec, RSA)):
        with pytest.raises(UntrustedError, match="algorithm"):
            jwt.check_signature(parsed, public(key))


def test_critical_headers_are_not_understood() -> None:
    """A JWT with a critical header that we do not support is refused (RFC 7515, 4.1.11)."""
    text = joserfc_jwt.encode({"alg": "RS256"}, CLAIMS, RSA)
    parsed = jwt.read("eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ." + text.split(".", 1)[1])
    with pytest.raises(UntrustedError):
        jwt.check_signature(parsed, public(RSA))


@given(st.text(alphabet='eyJ.=-_aA0{}"ü+/', max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either read or untrusted."""
    try:
        jwt.read(text)
    except UntrustedError:
        return
    assert jwt.looks_signed(text) or text.count(".") == 2


@pytest.mark.parametrize("late", [-61, -3661, 3661])
def test_times(late: int) -> None:
    """A JWT is refused if it is valid for longer than an hour plus a minute of skew, or has expired."""
    now = time.time()
    with pytest.raises(UntrustedError):
        jwt.check_times(jwt.Claims(iss="a", exp=now + late), now)
    jwt.check_times(jwt.Claims(iss="a", exp=now - 59), now)
    jwt.check_times(jwt.Claims(iss="a", exp=now + 3659, iat=now + 59, nbf=now + 59), now)


def test_sixty_seconds_of_skew_and_no_more() -> None:
    """Clocks may differ by exactly sixty seconds, for exp, iat and nbf alike."""
    now, near = 1_800_000_000.0, 0.001
    good: list[dict[str, Any]] = [
        {"exp": now - 60 + near},
        {"exp": now + 3660},
        {"exp": now + 60, "iat": now + 60},
        {"exp": now + 60, "nbf": now + 60},
    ]
    bad: list[dict[str, Any]] = [
        {"exp": now - 60},
        {"exp": now + 3660 + near},
        {"exp": now + 120, "iat": now + 60 + near},
        {"exp": now + 120, "nbf": now + 60 + near},
    ]
    for times in good:
        jwt.check_times(jwt.Claims(iss="a", **times), now)
    for times in bad:
        with pytest.raises(UntrustedError):
            jwt.check_times(jwt.Claims(iss="a", **times), now)


def test_audiences() -> None:
    """The claims may name one audience, several, an empty one or none."""
    assert jwt.Claims(iss="a", exp=1, aud="x").audiences == ("x",)
    assert jwt.Claims(iss="a", exp=1, aud=["x", "y", ""]).audiences == ("x", "y")
    assert jwt.Claims(iss="a", exp=1, aud="").audiences == ()
    assert jwt.Claims(iss="a", exp=1).audiences == ()


URI = "https://localhost:5000/oauth2/token"


SERVICE: Any = service_account.Credentials  # google-auth's types do not reach its constructors
IDENTITY: Any = service_account.IDTokenCredentials
USER: Any = user_credentials.Credentials


class Answer(NamedTuple):
    """An answer in the form that google-auth expects."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Wire:
    """google-auth's blocking transport; it runs requests on the room's loop without blocking it."""

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
    return await service_accounts.register_key(
        room.auth, await room.auth.verify_pair(room.demo), token_uri=URI, **options
    )


async def test_google_auths_service_account(room: Room) -> None:
    """google-auth reads our key file and exchanges its assertion for a token that works."""
    credentials = SERVICE.from_service_account_info(await key_file(room), scopes=[CLOUD])
    await asyncio.to_thread(credentials.refresh, Wire(room))
    assert credentials.token.startswith("ya29.")
    assert (await room.who(credentials.token)).json["email"] == credentials.service_account_email


async def test_google_auths_self_signed_jwt(room: Room) -> None:
    """A self-signed JWT for compute.googleapis.com is accepted as a bearer token without a token request."""
    credentials = SERVICE.from_service_account_info(
        await key_file(room), always_use_jwt_access=True, default_scopes=[CLOUD]
    )
    credentials._create_self_signed_jwt("https://compute.googleapis.com/")
    await asyncio.to_thread(credentials.refresh, Wire(room))
    assert credentials.token.startswith("eyJ")
    assert (await room.who(credentials.token)).status_code == 200
    scoped = credentials.with_scopes([CLOUD])
    scoped._create_self_signed_jwt(None)
    await asyncio.to_thread(scoped.refresh, Wire(room))
    assert (await room.who(scoped.token)).status_code == 200


async def test_google_auths_id_token(room: Room) -> None:
    """google-auth's IDTokenCredentials get an id token with the right audience."""
    credentials = IDENTITY.from_service_account_info(await key_file(room), target_audience="https://some.example")
    await asyncio.to_thread(credentials.refresh, Wire(room))
    assert credentials.valid


async def test_google_auth_refreshes_a_user(room: Room) -> None:
    """google-auth's user credentials refresh with the refresh token, and keep its successor."""
    first = (await room.exchange(await room.code())).json
    credentials = USER(
        None,
        refresh_token=first["refresh_token"],
        token_uri=URI,
        client_id=room.demo.api_key,
        client_secret=room.demo.secret_key,
    )
    for _ in range(2):
        await asyncio.to_thread(credentials.refresh, Wire(room))
        assert (await room.who(credentials.token)).status_code == 200
    assert credentials.refresh_token != first["refresh_token"]


async def test_several_keys_of_one_account(room: Room) -> None:
    """Without a key id, each valid key of the account is tried; a revoked key is not."""
    first, second = await key_file(room), await key_file(room)
    assert first["client_email"] == second["client_email"]
    for file in (first, second):
        token = signed(file, claims_of(file), kid=None)
        assert (await room.token(JWT_BEARER, assertion=token)).status_code == 200
    await service_accounts.revoke_key(room.auth, first["private_key_id"])
    assert (await room.who(self_signed(first))).status_code == 401
    assert (await room.token(JWT_BEARER, assertion=assertion(second))).status_code == 200
