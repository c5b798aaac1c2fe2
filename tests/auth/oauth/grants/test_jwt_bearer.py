"""gstack.auth.oauth.grants.jwt_bearer: genuine and forged assertions of service accounts."""

import base64
import time
from typing import Any

import pytest
from falcon.testing import Result
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from auth.jwts import CLOUD, TOKEN_URL, assertion, claims_of, padded, read, signed, unsigned, with_secret
from auth.room import JWT_BEARER, Room
from gstack.auth.addresses import TOKEN_PATHS
from gstack.auth.keys import service_accounts

URI = "https://localhost:5000/oauth2/token"


async def key_file(room: Room, account: str = "demo", **options: Any) -> dict[str, Any]:
    return await service_accounts.register_key(
        room.auth, await room.auth.verify_pair(room.accounts[account]), token_uri=URI, **options
    )


async def bear(room: Room, token: str) -> Result:
    return await room.token(JWT_BEARER, assertion=token)


@pytest.mark.parametrize(
    "audience",
    [
        TOKEN_URL,
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v4/token",
        *(f"https://localhost:5000{path}" for path in TOKEN_PATHS),
    ],
)
async def test_an_assertion_brings_an_access_token(room: Room, audience: str) -> None:
    """An assertion by a registered key, for Google's token URL or ours, brings the service account's token."""
    file = await key_file(room)
    answer = await bear(room, assertion(file, aud=audience))
    assert answer.status_code == 200, answer.text
    assert answer.json["scope"] == CLOUD
    assert answer.json["expires_in"] == 3600
    assert (await room.who(answer.json["access_token"])).json["email"] == file["client_email"]


async def test_scope_may_be_absent(room: Room) -> None:
    """Without a scope the token may do what the account may do; key id and subject are optional too."""
    file = await key_file(room)
    assert (await bear(room, assertion(file, scope=None))).json["scope"] == CLOUD
    assert (await bear(room, assertion(file, scope=""))).json["scope"] == CLOUD
    assert (await bear(room, signed(file, claims_of(file, sub=file["client_email"]), kid=None))).status_code == 200


async def test_a_scope_that_is_none(room: Room) -> None:
    """A scope that is not Google's is invalid_scope, also next to a valid one, and brings no token."""
    file = await key_file(room)
    for scope in ("bogus", f"{CLOUD} bogus"):
        answer = await bear(room, assertion(file, scope=scope))
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
        assert "access_token" not in answer.json


async def test_gclouds_first_question(room: Room) -> None:
    """A target_audience brings an id token for that audience."""
    file = await key_file(room)
    answer = await bear(room, assertion(file, scope=None, target_audience="32555940559.apps.googleusercontent.com"))
    claims = read(answer.json["id_token"])
    assert claims["aud"] == "32555940559.apps.googleusercontent.com"
    assert claims["email"] == file["client_email"]
    assert "access_token" not in answer.json


async def test_libclouds_padded_assertion(room: Room) -> None:
    """Base64 with `=` in the signed text and no key id, as libcloud sends it, is accepted."""
    file = await key_file(room)
    text = padded(signed(file, claims_of(file, pad="x"), kid=None))
    assert b"=" in text
    mark = JWSRegistry(algorithms=["RS256"]).get_alg("RS256").sign(text, RSAKey.import_key(file["private_key"]))
    token = text.decode() + "." + base64.urlsafe_b64encode(mark).decode()
    assert (await bear(room, token)).status_code == 200


async def test_es256(room: Room) -> None:
    """A key on P-256 signs with ES256."""
    file = await key_file(room, algorithm="ES256")
    assert (await bear(room, signed(file, claims_of(file), algorithm="ES256"))).status_code == 200


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"aud": "https://evil.example/token"}, "aud"),
        ({"aud": "https://localhost:5000/elsewhere"}, "aud"),
        ({"aud": [TOKEN_URL, "https://evil.example/"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": int(time.time()) - 100, "iat": int(time.time()) - 3700}, "expired"),
        ({"exp": int(time.time()) + 90_000}, "hour"),
        ({"iat": int(time.time()) + 1000}, "not valid yet"),
        ({"nbf": int(time.time()) + 1000}, "not valid yet"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": float("inf")}, "cannot be read"),
        ({"iss": "somebody@else.iam.gserviceaccount.com"}, "registered"),
        ({"iss": None}, "iss"),
    ],
)
async def test_what_the_assertion_says_counts(room: Room, changes: dict[str, Any], word: str) -> None:
    """A wrong audience, time or issuer is invalid_grant, and the text says what is wrong."""
    file = await key_file(room)
    answer = await bear(room, assertion(file, **changes))
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"
    assert word in answer.json["error_description"]


@pytest.mark.parametrize("late", [0, 55])
async def test_clocks_may_differ_by_a_minute(room: Room, late: int) -> None:
    """Clocks may differ by sixty seconds in both directions."""
    file, now = await key_file(room), int(time.time())
    assert (await bear(room, assertion(file, iat=now - 3600 - late, exp=now - late + 5))).status_code == 200
    assert (await bear(room, assertion(file, iat=now + late, exp=now + 3600 + late))).status_code == 200
    assert (await bear(room, assertion(file, iat=now - 3600, exp=now - late))).status_code == 200
    for times in ({"exp": now - 61}, {"iat": now + 65}, {"nbf": now + 65}, {"exp": now + 3665}):
        assert (await bear(room, assertion(file, **times))).json["error"] == "invalid_grant"


async def test_nobody_speaks_for_another(room: Room) -> None:
    """A subject other than the service account is refused with Google's error."""
    answer = await bear(room, assertion(await key_file(room), sub="admin@example.org"))
    assert answer.json["error"] == "unauthorized_client"


async def test_forged_signatures(room: Room) -> None:
    """Alg none, HS256 with the public key, another key, a changed body and a cut signature are refused."""
    file = await key_file(room)
    claims, kid = claims_of(file), file["private_key_id"]
    public = (await service_accounts.list_keys(room.auth))[0].public_key
    foreign = {**file, "private_key": RSAKey.generate_key(2048).as_pem(private=True).decode()}
    honest = signed(file, claims)
    changed = ".".join((honest.split(".")[0], unsigned(claims | {"scope": "more"}).split(".")[1], honest.split(".")[2]))
    forged = [
        unsigned(claims, kid=kid),
        unsigned(claims, kid=kid) + honest.split(".")[2],
        with_secret(claims, public.encode(), kid=kid),
        with_secret(claims, public.encode()),
        signed(foreign, claims),
        signed(file, claims, algorithm="RS512"),
        changed,
        honest[:-8],
        honest.rsplit(".", 1)[0] + ".",
    ]
    for token in forged:
        assert (await bear(room, token)).json["error"] == "invalid_grant", token


async def test_key_ids_cannot_be_confused(room: Room) -> None:
    """A key id of another account, a path, SQL or an unknown key id is refused."""
    mine, theirs = await key_file(room), await key_file(room, "other")
    for kid in (theirs["private_key_id"], "../../dev/null", "' or 1=1 --", "x" * 400):
        assert (await bear(room, signed(mine, claims_of(mine), kid=kid))).json["error"] == "invalid_grant"
    crossed = signed(mine, claims_of(theirs), kid=mine["private_key_id"])
    assert (await bear(room, crossed)).json["error"] == "invalid_grant"
    assert (await bear(room, signed(mine, claims_of(theirs), kid=None))).json["error"] == "invalid_grant"


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c", "e30.e30.", "a" * 20_000, "ü.ü.ü", "eyJhbGciOjF9.e30.AA"])
async def test_what_is_no_jwt(room: Room, text: str) -> None:
    """Anything that is not a JWT is 400, and never a server error."""
    assert (await bear(room, text)).status_code == 400


async def test_revoked_and_ended_keys(room: Room) -> None:
    """A revoked key brings no tokens, and its access tokens are revoked with it."""
    file = await key_file(room)
    token = (await bear(room, assertion(file))).json["access_token"]
    assert (await room.who(token)).status_code == 200
    assert (await service_accounts.revoke_key(room.auth, file["private_key_id"])).found
    assert (await bear(room, assertion(file))).json["error"] == "invalid_grant"
    assert (await room.who(token)).status_code == 401


async def test_nobody_locks_out_a_key_whose_name_they_know(room: Room) -> None:
    """After many forged assertions from everywhere, the real key still works, even from a new address."""
    file, forger = await key_file(room), await key_file(room, "other")
    forged = signed({**forger, "client_email": file["client_email"]}, claims_of(file), kid=file["private_key_id"])
    for _ in range(25):  # each from another address
        answer = await bear(room, forged)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert (await bear(room, assertion(file))).status_code == 200
