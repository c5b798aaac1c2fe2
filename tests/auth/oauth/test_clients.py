"""gstack.auth.oauth.clients: which clients can be registered."""

import pytest

from auth.room import Room
from auth.visitor import GCLOUD
from gstack.auth.oauth import clients
from gstack.errors import Problem


@pytest.mark.parametrize(
    "uri",
    ["http://app.example/", "ftp://app.example/", "https://", "https://u:p@app.example/", "https://a.example/#x", "x"],
)
async def test_redirects_that_cannot_be_registered(room: Room, uri: str) -> None:
    """A redirect URI must be https, or http to the user's own machine."""
    with pytest.raises(Problem, match="redirect_uris"):
        await clients.register(room.engine, "Portal", (uri,), public=True)


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb"])
async def test_a_client_has_a_name(room: Room, name: str) -> None:
    """A client needs a printable name, because users decide by it."""
    with pytest.raises(Problem, match="name"):
        await clients.register(room.engine, name, ("https://app.example/",), public=True)


async def test_a_client_comes_and_goes(room: Room) -> None:
    """Clients can be registered, found, listed and removed; only the hash of a secret is stored."""
    client, secret = await clients.register(room.engine, "Portal", ("https://a.example/cb",), public=False)
    public, none = await clients.register(room.engine, "CLI", ("http://localhost/cb",), public=True)
    assert secret
    assert not none
    assert await clients.find(room.engine, client.id) == client
    assert await clients.list_registered(room.engine) == [client, public]
    assert secret not in str(client)
    assert await clients.remove(room.engine, client.id)
    assert not await clients.remove(room.engine, client.id)
    assert await clients.find(room.engine, client.id) is None
    assert await clients.find(room.engine, GCLOUD)


async def test_redirects_match_letter_by_letter(room: Room) -> None:
    """A redirect URI must match exactly, but a loopback URI may have any port (RFC 8252, 7.3)."""
    uris = ("https://a.example/cb", "http://localhost/cb")
    client, _ = await clients.register(room.engine, "Portal", uris, public=True)
    assert client.may_redirect("https://a.example/cb")
    assert client.may_redirect("http://localhost:8123/cb")
    for uri in ("https://a.example/cb/", "https://a.example:444/cb", "https://a.example/cb?x=1", "http://127.0.0.1/cb"):
        assert not client.may_redirect(uri)
