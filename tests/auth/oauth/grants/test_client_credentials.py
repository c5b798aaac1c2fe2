"""gstack.auth.oauth.grants.client_credentials: a key pair for an access token."""

import base64

import pytest

from auth.jwts import CLOUD
from auth.room import Room
from gstack.cloudstack.signing import KeyPair


async def test_the_pair_in_the_body(room: Room) -> None:
    """A good pair brings an access token for everything, and no refresh token."""
    answer = await room.token("client_credentials", room.demo)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["scope"] == CLOUD
    assert "refresh_token" not in answer.json
    assert (await room.who(answer.json["access_token"])).json["name"] == "demo"


async def test_the_pair_in_a_basic_header(room: Room) -> None:
    """The client may send its pair by HTTP Basic instead (RFC 6749, 2.3.1)."""
    text = f"{room.demo.api_key}:{room.demo.secret_key}"
    header = {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
    answer = await room.form("/oauth2/token", {"grant_type": "client_credentials"}, **header)
    assert answer.status_code == 200


async def test_both_at_once_are_refused(room: Room) -> None:
    """A request must not name the client twice (RFC 6749, 2.3)."""
    text = base64.b64encode(f"{room.demo.api_key}:{room.demo.secret_key}".encode()).decode()
    sent = {"grant_type": "client_credentials", "client_id": room.demo.api_key, "client_secret": "x"}
    answer = await room.form("/oauth2/token", sent, Authorization=f"Basic {text}")
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "pair",
    [
        KeyPair("k" * 86, "s" * 86),
        KeyPair("short", "s"),
        KeyPair("", ""),
        KeyPair("k" * 86, ""),
        KeyPair("k" * 86, "s" * 5000),
        KeyPair("k" * 86, "ü"),
    ],
)
async def test_wrong_pairs_are_refused(room: Room, pair: KeyPair) -> None:
    """A pair that CloudStack does not know, or that is malformed, is 401 invalid_client with a challenge."""
    answer = await room.token("client_credentials", pair)
    assert answer.status_code == 401
    assert answer.json["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_one_accounts_key_with_anothers_secret(room: Room) -> None:
    """One account's API key with another's secret is refused."""
    mixed = KeyPair(room.demo.api_key, room.accounts["other"].secret_key)
    assert (await room.token("client_credentials", mixed)).status_code == 401


@pytest.mark.parametrize("scope", ["a\nb", "ü", "x" * 5000])
async def test_unreadable_scopes_are_refused(room: Room, scope: str) -> None:
    """A malformed scope is invalid_scope, without a call to CloudStack."""
    before = room.auth.cloudstack.calls.total()
    assert (await room.token("client_credentials", room.demo, scope=scope)).json["error"] == "invalid_scope"
    assert room.auth.cloudstack.calls.total() == before
