"""gstack.auth.oauth.metadata: what the server says about itself."""

import pytest

from auth.room import Room

PATH = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("localhost", "https://localhost:8443"),
        ("127.0.0.1", "https://127.0.0.1:8443"),
        ("evil.example", "https://localhost:5000"),
        ('localhost"><script>', "https://localhost:5000"),
    ],
)
async def test_urls_follow_known_hosts(room: Room, host: str, base: str) -> None:
    """URLs have the Host of the request if it is ours; a forged Host gets the public URL."""
    shown = (await room.http.simulate_get(PATH, host=host, port=8443)).json
    assert shown["token_endpoint"] == f"{base}/oauth2/token"
    assert shown["authorization_endpoint"] == f"{base}/oauth2/auth"
    assert shown["issuer"] == "https://localhost:5000"


async def test_every_url_answers(room: Room) -> None:
    """Every endpoint in the document exists."""
    shown = (await room.http.simulate_get(PATH, host="localhost", port=5000)).json
    urls = [url for name, url in shown.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(urls) == 5
    for url in urls:
        answer = await room.http.simulate_get(url.removeprefix("https://localhost:5000"))
        assert answer.status_code != 404


async def test_the_published_key_is_public(room: Room) -> None:
    """The key set contains no private fields."""
    (key,) = (await room.http.simulate_get("/oauth2/v3/certs")).json["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
