"""gstack.auth.oauth.grants.authorization_code: codes for tokens, and every way to abuse one."""

import asyncio
from datetime import timedelta

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import update

from auth.jwts import CLOUD
from auth.room import REDIRECT, Room
from gstack.auth.store import now
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import tokens

VERIFIER = "v" * 64
PKCE = {"code_challenge": create_s256_code_challenge(VERIFIER), "code_challenge_method": "S256"}


async def test_the_original_gstacks_flow(room: Room) -> None:
    """An API key as client id and its secret key bring working tokens, with all fields that clients need."""
    answer = (await room.exchange(await room.code(scope=f"openid email {CLOUD}"))).json
    assert answer["access_token"].startswith("ya29.")
    assert answer["refresh_token"].startswith("1//")
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert answer["scope"] == f"openid email {CLOUD}"
    assert (await room.who(answer["access_token"])).json["name"] == "demo"


async def test_the_id_token_is_signed_by_our_published_key(room: Room) -> None:
    """The id token contains `email`, which gcloud reads, and anybody can verify it with the published key."""
    answer = (await room.exchange(await room.code())).json
    certs = (await room.http.simulate_get("/oauth2/v3/certs")).json
    claims = jwt.decode(answer["id_token"], KeySet.import_key_set(certs), algorithms=["RS256"]).claims
    assert claims["aud"] == room.demo.api_key
    assert "@" in claims["email"]
    assert claims["sub"]
    assert claims["iss"] == room.auth.addresses.public_url


async def test_pkce(room: Room) -> None:
    """A code with a code_challenge is exchanged with its code_verifier."""
    answer = await room.exchange(await room.code(**PKCE), code_verifier=VERIFIER)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (PKCE, {}),
        (PKCE, {"code_verifier": "w" * 64}),
        (PKCE, {"code_verifier": PKCE["code_challenge"]}),
        (PKCE, {"code_verifier": "ü" * 50}),
        ({}, {"code_verifier": VERIFIER}),
    ],
)
async def test_pkce_cannot_be_left_out(room: Room, asked: dict[str, str], sent: dict[str, str]) -> None:
    """A missing or wrong verifier, the challenge itself, or a verifier without a challenge brings no tokens."""
    refused = await room.exchange(await room.code(**asked), **sent)
    assert refused.status_code == 400
    assert refused.json["error"] == "invalid_grant"


async def test_a_code_works_once_and_its_replay_revokes(room: Room) -> None:
    """A second use of a code revokes the tokens of the first."""
    code = await room.code()
    first = (await room.exchange(code)).json
    again = await room.exchange(code)
    assert again.json["error"] == "invalid_grant"
    assert (await room.who(first["access_token"])).status_code == 401
    refreshed = await room.token("refresh_token", room.demo, refresh_token=first["refresh_token"])
    assert refreshed.json["error"] == "invalid_grant"


async def test_of_two_at_once_one_wins_and_both_end(room: Room) -> None:
    """Of two simultaneous exchanges one is refused, and the tokens of the other are revoked."""
    code = await room.code()
    answers = await asyncio.gather(*(room.exchange(code) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    won = next(answer.json for answer in answers if answer.status_code == 200)
    assert (await room.who(won["access_token"])).status_code == 401


async def test_a_code_ends(room: Room) -> None:
    """A code older than ten minutes is refused."""
    code = await room.code()
    async with room.engine.begin() as connection:
        await connection.execute(update(tokens).values(expires=now() - timedelta(seconds=1)))
    assert (await room.exchange(code)).json["error"] == "invalid_grant"


@pytest.mark.parametrize("uri", ["", "http://localhost:8086/", "http://127.0.0.1:8085/", "http://localhost:8085"])
async def test_the_redirect_must_be_the_same(room: Room, uri: str) -> None:
    """The redirect_uri at the token endpoint must equal the one of the code exactly."""
    assert (await room.exchange(await room.code(), redirect_uri=uri)).json["error"] == "invalid_grant"


async def test_a_code_is_of_one_client(room: Room) -> None:
    """Another client cannot use the code, even with a valid secret of its own."""
    code = await room.code()
    sent = {"code": code, "redirect_uri": "http://localhost:8085/"}
    assert (await room.token("authorization_code", room.accounts["other"], **sent)).json["error"] == "invalid_grant"


async def test_a_wrong_secret_is_refused_and_spends_nothing(room: Room) -> None:
    """A secret that CloudStack rejects is 401 invalid_client, and the code stays valid for its owner."""
    code = await room.code()
    wrong = KeyPair(room.demo.api_key, "s" * 86)
    refused = await room.token("authorization_code", wrong, code=code, redirect_uri="http://localhost:8085/")
    assert refused.status_code == 401
    assert refused.json["error"] == "invalid_client"
    assert (await room.exchange(code)).status_code == 200


async def test_made_up_codes_are_refused(room: Room) -> None:
    """A guessed code, and an access token as a code, are refused."""
    access = (await room.exchange(await room.code())).json["access_token"]
    for code in ("4/guess", access):
        assert (await room.exchange(code)).json["error"] == "invalid_grant"


async def test_a_client_id_of_other_letters_is_another_client(room: Room) -> None:
    """A client id outside ASCII is refused like any other wrong one, and is never a server error."""
    answer = await room.token(
        "authorization_code", code=await room.code(), client_id="é", client_secret="é", redirect_uri=REDIRECT
    )
    assert answer.status_code in {400, 401}
    assert answer.json["error"] in {"invalid_grant", "invalid_client"}
