"""Two servers on one database, SQLite and PostgreSQL: what one gave, took back or counted, the other knows at once."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import requests

from auth.jwts import assertion, self_signed
from conftest import CALLED, free_port
from fixtures.servers import RunningApp, Stack
from gstack.auth.keys.sealing import FILE
from gstack.commands.keys import revoke_key
from gstack.config import ServerSettings

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AT_ONCE = 1.0  # seconds; the guard would remember for three


class Pair(msgspec.Struct):
    """Two servers. `home` and `port` are each one's own, as on two machines; the sealing key is copied."""

    first: Stack
    second: Stack


@pytest.fixture
def servers(product: Stack, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    first, second = (_server(product, tmp_path / name, database_url) for name in ("first", "second"))
    yield Pair(first, second)
    for server in (first, second):
        server.app.stop()


def _server(product: Stack, home: Path, database_url: str) -> Stack:
    """A server of its own on the product's CloudStack, with the product's sealing key."""
    home.mkdir(mode=0o700)
    shutil.copy(product.settings.home / FILE, home / FILE)
    changes = {"home": home, "database": database_url, "server": ServerSettings(port=free_port())}
    settings = msgspec.structs.replace(product.settings, **changes)
    app = RunningApp(settings, CALLED / "replica.txt")
    app.start()
    return Stack(app, product.sandbox, product.accounts, settings)


def post(server: Stack, path: str, **form: str) -> requests.Response:
    return requests.post(f"{server.app.url}{path}", data=form, verify=str(server.app.authority), timeout=30)


def asked(server: Stack, bearer: str) -> int:
    """The status of a read with a bearer."""
    headers = {"Authorization": f"Bearer {bearer}"}
    url = f"{server.app.url}/compute/v1/projects/demo/zones"
    return requests.get(url, headers=headers, verify=str(server.app.authority), timeout=30).status_code


def refused_at_once(server: Stack, bearer: str) -> None:
    """The bearer, remembered by this server, must be refused well before the guard would forget it by itself."""
    end = time.monotonic() + AT_ONCE
    while asked(server, bearer) != 401:
        assert time.monotonic() < end, "still good"


def test_a_revoked_key_is_refused_everywhere_at_once(servers: Pair) -> None:
    """By itself, by its access tokens and at the token endpoint, whichever server or command revoked it."""
    key = servers.first.service_key()
    signed = self_signed(key)
    token = post(servers.first, "/oauth2/token", grant_type=JWT_BEARER, assertion=assertion(key)).json()["access_token"]
    for server in (servers.first, servers.second):
        assert [asked(server, bearer) for bearer in (signed, token)] == [200, 200]
    assert asyncio.run(revoke_key(servers.first.settings, key["private_key_id"])).found
    for server in (servers.first, servers.second):
        answer = post(server, "/oauth2/token", grant_type=JWT_BEARER, assertion=assertion(key))
        assert answer.json()["error"] == "invalid_grant"
        refused_at_once(server, signed)
        refused_at_once(server, token)


def test_a_revoked_token_is_refused_everywhere_at_once(servers: Pair) -> None:
    """What one server revokes the other one does not take a second later."""
    token = servers.first.token()
    assert asked(servers.second, token) == 200
    post(servers.first, "/oauth2/revoke", token=token)
    refused_at_once(servers.second, token)
    assert asked(servers.first, token) == 401


def test_failures_count_together(servers: Pair) -> None:
    """Who guesses at one server waits at the other: 429 with Retry-After, at the token endpoint and on the page."""
    api_key = servers.first.pair().api_key
    guess = {"grant_type": "client_credentials", "client_id": api_key, "client_secret": "x" * 86}
    for number in range(5):
        server = servers.first if number % 2 else servers.second
        assert post(server, "/oauth2/token", **guess).status_code == 401
    for server in (servers.first, servers.second):
        answer = post(server, "/oauth2/token", **guess)
        assert (answer.status_code, answer.json()["error"]) == (429, "rate_limit_exceeded")
        assert int(answer.headers["Retry-After"]) >= 1


def test_a_code_of_one_is_good_at_the_other_once(servers: Pair) -> None:
    """A code is exchanged at either server, once in all; its replay ends what it brought at both."""
    pair = servers.first.pair()
    request = {"client_id": pair.api_key, "redirect_uri": "urn:ietf:wg:oauth:2.0:oob", "response_type": "code"}
    url = f"{servers.first.app.url}/oauth2/auth"
    page = requests.get(url, request, verify=str(servers.first.app.authority), timeout=30).text
    code = page.partition("4/")[2].partition("<")[0]
    form = {"grant_type": "authorization_code", "code": f"4/{code}", "redirect_uri": request["redirect_uri"]}
    client = {"client_id": pair.api_key, "client_secret": pair.secret_key}
    token = post(servers.second, "/oauth2/token", **form, **client).json()["access_token"]
    assert [asked(server, token) for server in (servers.first, servers.second)] == [200, 200]
    assert post(servers.first, "/oauth2/token", **form, **client).json()["error"] == "invalid_grant"
    for server in (servers.first, servers.second):
        refused_at_once(server, token)
