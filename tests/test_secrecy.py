"""No secret is in any log: for a server that logs everything, and that the check of the whole suite can find one."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from auth.jwts import assertion, self_signed
from conftest import free_port
from fixtures.gce import Gce
from fixtures.processes import Process
from fixtures.secrecy import core_of, leaks, secrets_of_home
from fixtures.servers import Stack

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.mark.parametrize(
    "line",
    [
        "{{'token': '{0}'}}",
        "GET /x?access_token={0}&y=1",
        "Authorization: Bearer {0}",
        '"{0}"',
        "prefix {0}",
    ],
)
def test_a_leak_is_found(line: str) -> None:
    """However a secret stands in a line, the check of the suite sees it."""
    secret = "ya29." + "Ab3_-" * 9
    assert leaks({core_of(secret)}, "nothing\n" + line.format(secret)) == {core_of(secret)}
    assert leaks({core_of("demo-password")}, line.format("demo-password")) == {"demo-password"}
    assert not leaks({core_of(secret)}, line.format("ya29." + "x" * 45))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that logs all it can."""
    known = Process(tmp_path_factory.mktemp("secrecy") / "home", free_port(), GSTACK_SERVER_LOG_LEVEL="debug")
    yield known.ready()
    if known.process.poll() is None:
        known.stop()


def post(server: Process, path: str, **form: str) -> requests.Response:
    return requests.post(f"{server.url}{path}", data=form, verify=str(server.home / "tls" / "ca.pem"), timeout=30)


def test_a_server_that_logs_everything_logs_no_secret(server: Process) -> None:
    """Good and bad tokens, keys in forms, headers and URLs, refusals and faults: none of it stands in the logs."""
    demo = json.loads((server.home / "sandbox.json").read_text())[0]
    client = {"client_id": demo["api_key"], "client_secret": demo["secret_key"]}
    token = post(server, "/oauth2/token", grant_type="client_credentials", **client).json()["access_token"]
    wrong = {"client_id": demo["api_key"], "client_secret": "wrong-secret-" * 6, "code": "4/" + "c" * 43}
    for grant in ("client_credentials", "authorization_code", "refresh_token", JWT_BEARER, "password"):
        post(server, "/oauth2/token", grant_type=grant, refresh_token="1//" + "r" * 43, **wrong)
        post(server, "/oauth2/token", grant_type=grant, assertion="eyJ" + "a" * 50)
    server.get("/compute/v1/projects/demo/zones", token)
    server.get(f"/compute/v1/projects/demo/zones?access_token={token}")
    server.get("/compute/v1/projects/demo/zones", "ya29." + "g" * 43)
    server.get(f"/oauth2/auth?client_id={demo['api_key']}&code={'q' * 40}")
    post(server, "/oauth2/revoke", token=token)
    headers = {"Authorization": f"Basic {token}"}
    requests.get(f"{server.url}/v1/userinfo", headers=headers, verify=str(server.home / "tls" / "ca.pem"), timeout=30)
    server.stop()
    log = server.output + (server.home / "audit.log").read_text()
    assert '"event":"token"' in log
    made_up = {"wrong-secret-" * 6, "c" * 43, "r" * 43, "a" * 50, "g" * 43, "q" * 40}
    secrets = {core_of(secret) for secret in {token, *made_up, *secrets_of_home(server.home)}}
    assert len(secrets) > 10
    assert not leaks(secrets, log)


def test_what_passed_here_is_known_to_the_check(product: Stack, tmp_path: Path) -> None:
    """Tokens, JWTs and key files of the suite's own servers are among the secrets that are looked for."""
    from fixtures.secrecy import FOLDER  # noqa: PLC0415

    client, key = Gce(product), product.service_key()
    signed = self_signed(key)
    client.session.get(f"{client.base}/projects/demo/zones", headers={"Authorization": f"Bearer {signed}"}, timeout=30)
    form = {"grant_type": JWT_BEARER, "assertion": (sent := assertion(key))}
    got = requests.post(f"{product.app.url}/oauth2/token", data=form, verify=str(product.app.authority), timeout=30)
    known = {line for file in FOLDER.glob("*.secrets") for line in file.read_text().splitlines()}
    wanted = {client.token, signed, sent, got.json()["access_token"], product.pair().secret_key}
    assert {core_of(secret) for secret in wanted} <= known
