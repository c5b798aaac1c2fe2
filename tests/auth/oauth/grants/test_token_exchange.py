"""gstack.auth.oauth.grants.token_exchange: CI systems without stored secrets, with a local OIDC issuer."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import falcon.asgi
import msgspec
import pytest
from falcon.testing import ASGIConductor, Result
from google.auth import identity_pool
from sqlalchemy import select

from auth.jwts import CLOUD, unsigned, with_secret
from auth.oauth.test_jwt import Wire
from auth.room import Room
from fixtures.issuer import AUDIENCE, SUB, Issuer, issuer
from gstack.app import mount_auth
from gstack.auth.auth import Auth
from gstack.auth.oauth import trust
from gstack.auth.oauth.grants.token_exchange import ACCESS_TOKEN, GRANT_TYPE
from gstack.auth.oauth.trust import IS, LIKE, Condition
from gstack.config import TrustSettings
from gstack.db.engine import reading
from gstack.db.tables import tokens
from gstack.errors import Problem

JWT = "urn:ietf:params:oauth:token-type:jwt"
MAIN = (Condition("sub", IS, SUB),)
POOL: Any = identity_pool.Credentials


@pytest.fixture
def ci() -> Iterator[Issuer]:
    """A CI system's issuer."""
    with issuer() as running:
        yield running


@pytest.fixture
async def trusting(room: Room, ci: Issuer) -> AsyncIterator[Room]:
    """A room that trusts it as `ci`."""
    trusted = {"ci": TrustSettings(ci.url, AUDIENCE), "else": TrustSettings("https://else.example", AUDIENCE)}
    settings = msgspec.structs.replace(room.auth.settings, trust=trusted)
    auth = Auth(room.engine, room.auth.cloudstack, settings)
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App()
    mount_auth(app, auth)
    async with ASGIConductor(app) as http:
        yield Room(auth, room.engine, http, room.accounts)


async def exchange(room: Room, token: str, **fields: str) -> Result:
    sent = {"subject_token": token, "subject_token_type": JWT, "audience": f"{trust.POOL}ci"} | fields
    return await room.token(GRANT_TYPE, None, **{name: value for name, value in sent.items() if value})


async def test_a_ci_job_becomes_an_account(trusting: Room, ci: Issuer) -> None:
    """A token that meets the conditions brings an access token of the account that added the mapping."""
    mapping = await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    answer = await exchange(trusting, ci.token(), scope=CLOUD)
    assert answer.status_code == 200, answer.text
    assert answer.json["issued_token_type"] == ACCESS_TOKEN
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] <= 360
    who = (await trusting.who(answer.json["access_token"])).json
    assert (who["name"], who["email"]) == ("demo", "demo@demo.iam.gserviceaccount.com")
    assert (await trust.list_mappings(trusting.engine))[0].last_used
    assert mapping.last_used is None


async def test_google_auths_identity_pool(trusting: Room, ci: Issuer, tmp_path: Path) -> None:
    """google-auth reads our external-account file and exchanges the job's token."""
    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    source = tmp_path / "token"
    source.write_text(ci.token())
    file = trust.external_account("ci", "https://localhost:5000/v1/token", str(source))
    credentials = POOL.from_info(json.loads(json.dumps(file)), scopes=[CLOUD])
    await asyncio.to_thread(credentials.refresh, Wire(trusting))
    assert credentials.token.startswith("ya29.")
    assert (await trusting.who(credentials.token)).json["name"] == "demo"


async def test_ec_keys(trusting: Room, ci: Issuer) -> None:
    """Tokens that an issuer signs with ES256 are accepted too."""
    from joserfc.jwk import ECKey  # noqa: PLC0415

    ci.keys = [("ec", ECKey.generate_key("P-256"))]
    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    assert (await exchange(trusting, ci.token())).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "repo:acme/app:ref:refs/heads/other"},
        {"sub": f"{SUB}\n"},
        {"sub": None},
        {"aud": "https://somebody.else"},
        {"aud": [AUDIENCE, "https://somebody.else"]},
        {"aud": None},
        {"iss": "https://else.example"},
        {"iss": "https://evil.example"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": 99_000_000_000},
        {"nbf": 99_000_000_000},
        {"iat": 99_000_000_000},
    ],
)
async def test_tokens_that_stand_for_nobody(trusting: Room, ci: Issuer, changes: dict[str, Any]) -> None:
    """Another subject, audience or issuer, or a wrong time, is invalid_grant and brings no access token."""
    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    answer = await exchange(trusting, ci.token(**changes))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant"), answer.text
    async with reading(trusting.engine) as connection:
        assert not (await connection.execute(select(tokens))).all()


async def test_forged_tokens(trusting: Room, ci: Issuer) -> None:
    """Alg none, HS256 with the public key, other algorithms, and wrong keys or key ids are refused."""
    from joserfc.jwk import RSAKey  # noqa: PLC0415

    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    name, honest = ci.keys[0]
    public = honest.as_pem(private=False)
    forged = [
        unsigned(ci.claims(), kid=name),
        with_secret(ci.claims(), public, kid=name),
        with_secret(ci.claims(), json.dumps(honest.as_dict(private=False)).encode(), kid=name),
        ci.token(algorithm="RS512"),
        ci.token(algorithm="PS256"),
        ci.token(kid="unknown"),
        ci.token(kid="../keys"),
    ]
    ci.keys.append((name, RSAKey.generate_key(2048)))
    forged.append(ci.token())
    ci.keys.pop()
    for token in forged:
        assert (await exchange(trusting, token)).json["error"] == "invalid_grant", token


async def test_a_token_of_our_own_is_no_token_of_theirs(trusting: Room) -> None:
    """Neither our access tokens nor our id tokens can be exchanged."""
    answer = (await trusting.exchange(await trusting.code())).json
    for token in (answer["access_token"], answer["id_token"], answer["refresh_token"]):
        assert (await exchange(trusting, token)).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"audience": "nobody"}, "invalid_target"),
        ({"audience": f"{trust.POOL}nobody"}, "invalid_target"),
        ({"audience": f"{trust.POOL}else"}, "invalid_grant"),
        ({"resource": "https://storage.example/"}, "invalid_target"),
        ({"subject_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"requested_token_type": JWT}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"scope": "ü"}, "invalid_scope"),
    ],
)
async def test_requests_that_are_wrong(trusting: Room, ci: Issuer, fields: dict[str, str], error: str) -> None:
    """Wrong and unsupported requests get RFC 8693's errors."""
    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    answer = await exchange(trusting, ci.token(), **fields)
    assert answer.json["error"] == error, answer.text


@pytest.mark.parametrize("audience", ["", "ci", f"{trust.POOL}ci"])
async def test_the_audience_names_the_issuer(trusting: Room, ci: Issuer, audience: str) -> None:
    """The audience may be Google's long name, the short one, or missing; then the token's issuer decides."""
    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    assert (await exchange(trusting, ci.token(), audience=audience)).status_code == 200


async def test_two_accounts_for_one_token_are_none(trusting: Room, ci: Issuer) -> None:
    """If mappings to different accounts fit, the token is refused; two mappings to one account are fine."""
    await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    await trust.add(trusting.auth, trusting.demo, "ci", (Condition("sub", LIKE, "repo:acme/*"),))
    assert (await exchange(trusting, ci.token())).status_code == 200
    await trust.add(trusting.auth, trusting.accounts["other"], "ci", (Condition("sub", LIKE, "repo:*"),))
    assert "Several" in (await exchange(trusting, ci.token())).json["error_description"]
    only = await exchange(trusting, ci.token(sub="repo:else/app"))
    assert (await trusting.who(only.json["access_token"])).json["name"] == "other"


async def test_removing_ends_its_tokens(trusting: Room, ci: Issuer) -> None:
    """A removed mapping brings no more tokens, and its tokens are revoked."""
    mapping = await trust.add(trusting.auth, trusting.demo, "ci", MAIN)
    token = (await exchange(trusting, ci.token())).json["access_token"]
    assert await trust.remove(trusting.auth, mapping.id)
    assert not await trust.remove(trusting.auth, mapping.id)
    assert (await trusting.who(token)).status_code == 401
    assert (await exchange(trusting, ci.token())).json["error"] == "invalid_grant"


async def test_who_adds_a_mapping_shows_the_pair(trusting: Room) -> None:
    """A pair that CloudStack rejects, an issuer that is not in the settings, or loose conditions are refused."""
    wrong = msgspec.structs.replace(trusting.demo, secret_key="s" * 86)
    with pytest.raises(Problem, match="does not accept"):
        await trust.add(trusting.auth, wrong, "ci", MAIN)
    with pytest.raises(Problem, match=r"trust\.nobody"):
        await trust.add(trusting.auth, trusting.demo, "nobody", MAIN)
    with pytest.raises(Problem, match="sub"):
        await trust.add(trusting.auth, trusting.demo, "ci", (Condition("repository", IS, "acme/app"),))
    assert await trust.list_mappings(trusting.engine) == []
