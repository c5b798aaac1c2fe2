"""gstack.auth.oauth.userinfo: who a token speaks for."""

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
    """What a token is good for and how long, by GET and POST; a bad one is Google's `invalid_token`."""
    token = (await room.token("client_credentials", room.demo)).json["access_token"]
    asked = await room.http.simulate_get(path, params={"access_token": token})
    posted = await room.form(path, {"access_token": token})
    assert asked.json["scope"] == posted.json["scope"] == CLOUD
    assert asked.json["aud"] == room.demo.api_key
    assert 3500 < int(asked.json["expires_in"]) <= 3600
    for wrong in ({"access_token": "ya29.guess"}, {}):
        answer = await room.http.simulate_get(path, params=wrong)
        assert answer.status_code == 400
        assert answer.json["error"] == "invalid_token"
