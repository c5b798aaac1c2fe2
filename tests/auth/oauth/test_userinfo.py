"""gstack.auth.oauth.userinfo: whose token it is."""

import pytest

from auth.jwts import CLOUD
from auth.room import Room
from gstack.auth.routes import TOKENINFO_PATHS, USERINFO_PATHS


@pytest.mark.parametrize("path", USERINFO_PATHS)
async def test_userinfo(room: Room, path: str) -> None:
    """Every version of Google's userinfo answers with e-mail and subject; without a token it is 401."""
    token = (await room.token("client_credentials", room.demo)).json["access_token"]
    answer = await room.http.simulate_get(path, headers={"Authorization": f"Bearer {token}"})
    assert "@" in answer.json["email"]
    assert answer.json["sub"] == answer.json["id"] != ""
    assert answer.headers["cache-control"] == "no-store"
    assert (await room.http.simulate_get(path)).status_code == 401


@pytest.mark.parametrize("path", TOKENINFO_PATHS)
async def test_tokeninfo(room: Room, path: str) -> None:
    """GET and POST tell what a token is good for and how long; an invalid token is Google's `invalid_token`."""
    token = (await room.token("client_credentials", room.demo)).json["access_token"]
    by_get = await room.http.simulate_get(path, params={"access_token": token})
    by_post = await room.form(path, {"access_token": token})
    assert by_get.json["scope"] == by_post.json["scope"] == CLOUD
    assert by_get.json["aud"] == room.demo.api_key
    assert 3500 < int(by_get.json["expires_in"]) <= 3600
    for wrong in ({"access_token": "ya29.guess"}, {}):
        answer = await room.http.simulate_get(path, params=wrong)
        assert answer.status_code == 400
        assert answer.json["error"] == "invalid_token"
