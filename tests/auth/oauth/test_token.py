"""gstack.auth.oauth.token: the endpoint in front of the grants."""

import pytest

from auth.room import Room
from gstack.auth.addresses import TOKEN_PATHS
from gstack.cloudstack.errors import Unreachable


@pytest.mark.parametrize("path", TOKEN_PATHS)
async def test_every_token_path(room: Room, path: str) -> None:
    """Every token path that Google's clients have built in works."""
    pair = {"client_id": room.demo.api_key, "client_secret": room.demo.secret_key}
    assert (await room.form(path, {"grant_type": "client_credentials", **pair})).status_code == 200


@pytest.mark.parametrize(
    ("grant", "error"),
    [("", "invalid_request"), ("password", "unsupported_grant_type"), ('"\\ü', "unsupported_grant_type")],
)
async def test_unknown_grants(room: Room, grant: str, error: str) -> None:
    """A missing or unsupported grant type gets RFC 6749's error."""
    answer = await room.token(grant, room.demo)
    assert answer.status_code == 400
    assert answer.json["error"] == error


async def test_cloudstack_down(room: Room) -> None:
    """While CloudStack does not answer, token requests are 503."""
    async with type(room.auth.cloudstack)("http://127.0.0.1:9/client/api") as silent:
        room.auth.cloudstack = silent
        answer = await room.token("client_credentials", room.demo)
    assert answer.status_code == 503
    assert answer.json["error"] == "temporarily_unavailable"
    assert Unreachable("x", "y", sent=False).message in answer.json["error_description"]
