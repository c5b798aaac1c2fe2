"""Who may call: keys, their end, sessions, projects."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from gstack.sandbox.server import ThreadedSandbox
from gstack.sandbox.settings import AccountKeys

JSON = {"response": "json"}


@pytest.fixture
def web() -> requests.Session:
    return requests.Session()


def sign_in(web: requests.Session, url: str, name: str, password: str) -> requests.Response:
    form = {"command": "login", "username": name, "password": password, "domain": "/", **JSON}
    return web.post(url, data=form, timeout=10)


def test_session_calls_with_cookie_and_key(
    server: ThreadedSandbox, accounts: tuple[AccountKeys, ...], web: requests.Session
) -> None:
    """After login the cookie and the session key make calls, and a wrong session key ends the session."""
    answer = sign_in(web, server.url, "demo", accounts[0].password)
    key = answer.json()["loginresponse"]["sessionkey"]
    call = {"command": "listZones", **JSON}
    assert web.post(server.url, data={**call, "sessionkey": key}, timeout=10).status_code == 200
    assert web.post(server.url, data={**call, "sessionkey": "wrong"}, timeout=10).status_code == 401
    assert web.post(server.url, data={**call, "sessionkey": key}, timeout=10).status_code == 401


def test_wrong_password_is_refused(server: ThreadedSandbox, web: requests.Session) -> None:
    """A wrong password is answered 531, as recorded."""
    assert sign_in(web, server.url, "demo", "wrong").status_code == 531


def test_login_needs_post(server: ThreadedSandbox, web: requests.Session) -> None:
    """Login over GET is answered 405 in plain words."""
    answer = web.get(server.url, params={"command": "login", **JSON}, timeout=10)
    assert (answer.status_code, answer.text) == (405, "Please use HTTP POST to authenticate using this API")


def test_logout_ends_the_session(
    server: ThreadedSandbox, accounts: tuple[AccountKeys, ...], web: requests.Session
) -> None:
    """After logout the session is gone, and a second logout is 431."""
    sign_in(web, server.url, "demo", accounts[0].password)
    form = {"command": "logout", **JSON}
    assert [web.post(server.url, data=form, timeout=10).status_code for _ in range(2)] == [200, 431]


def test_ended_key_pair_does_not_call(demo: Any, server: ThreadedSandbox) -> None:
    """A key pair whose end date has passed is answered 401."""
    user = demo.ok("listUsers")["user"][0]["id"]
    pair = demo.ok("registerUserKeys", id=user, enddate="2001-01-01")["userkeys"]
    keys = AccountKeys("demo", pair["apikey"], pair["secretkey"], "")
    assert type(demo)(server.url, keys).call("listZones")[0] == 401


def test_foreign_project_is_refused(demo: Any, other: Any) -> None:
    """A project is closed to accounts that are no member: 432, as recorded."""
    project = demo.ok("createProject", name="closed", displaytext="closed")["project"]["id"]
    assert other.call("listVirtualMachines", projectid=project)[0] == 432


def test_foreign_account_is_refused(demo: Any) -> None:
    """Naming another account's name is answered 531."""
    assert demo.call("listVolumes", account="other")[0] == 531
