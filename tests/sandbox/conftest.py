"""A running sandbox and a client of it, for the tests of this folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import AccountKeys, SandboxSettings, new_account
from gstack.sandbox.signing import sign

PENDING = 0


class Client:
    """Signs calls with the keys of one account, as any CloudStack client does."""

    def __init__(self, url: str, keys: AccountKeys) -> None:
        self._url = url
        self._keys = keys
        self._session = requests.Session()

    def call(self, command: str, **params: Any) -> tuple[int, dict[str, Any]]:
        """Return the status and what lies under `<command>response`. `__` in a name stands for `[0].`."""
        sent = {name.replace("__", "[0]."): str(value) for name, value in params.items()}
        return self.send({"command": command, **sent})

    def send(self, params: dict[str, str]) -> tuple[int, dict[str, Any]]:
        signed = {"response": "json", **params, "apikey": self._keys.api_key}
        signed["signature"] = sign(signed, self._keys.secret_key)
        answer = self._session.post(self._url, data=signed, timeout=30)
        return answer.status_code, next(iter(answer.json().values()))

    def ok(self, command: str, **params: Any) -> dict[str, Any]:
        """Return the answer of a call that must succeed, or the result of its job."""
        status, body = self.call(command, **params)
        assert status == 200, body
        return self.result(body["jobid"]) if "jobid" in body else body

    def failure(self, command: str, **params: Any) -> tuple[int, str]:
        """Return the error code and text of a call that must fail, at once or in its job."""
        status, body = self.call(command, **params)
        if status == 200:
            body = self.job(body["jobid"])["jobresult"]
        return body["errorcode"], body["errortext"]

    def failure_of_get(self, command: str, **params: Any) -> int:
        """Return the error code of a call by GET that must fail at once."""
        sent = {"response": "json", "command": command, "apikey": self._keys.api_key, **params}
        sent["signature"] = sign(sent, self._keys.secret_key)
        answer = self._session.get(self._url, params=sent, timeout=30)
        code: int = next(iter(answer.json().values()))["errorcode"]
        return code

    def result(self, job_id: str) -> dict[str, Any]:
        job = self.job(job_id)
        assert job["jobstatus"] == 1, job
        result: dict[str, Any] = job["jobresult"]
        return result

    def job(self, job_id: str) -> dict[str, Any]:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            _, job = self.call("queryAsyncJobResult", jobid=job_id)
            if job["jobstatus"] != PENDING:
                return job
            time.sleep(0.01)
        raise TimeoutError(job_id)


@pytest.fixture(scope="session")
def accounts() -> tuple[AccountKeys, AccountKeys]:
    return new_account("demo"), new_account("other")


@pytest.fixture(scope="module")
def server(accounts: tuple[AccountKeys, ...]) -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings(accounts=accounts, job_delay=0.05)) as sandbox:
        yield sandbox


@pytest.fixture
def demo(server: ThreadedSandbox, accounts: tuple[AccountKeys, ...]) -> Client:
    return Client(server.url, accounts[0])


@pytest.fixture
def other(server: ThreadedSandbox, accounts: tuple[AccountKeys, ...]) -> Client:
    return Client(server.url, accounts[1])


class Seeds:
    """The seeded objects that most tests name, and a short way to a machine."""

    def __init__(self, client: Client) -> None:
        zones = {zone["name"]: zone["id"] for zone in client.ok("listZones")["zone"]}
        self.basic, self.east, self.west = (
            zones["Sandbox-simulator"],
            zones["sandbox-east1-a"],
            zones["sandbox-west1-a"],
        )
        self.offerings = _ids(client.ok("listServiceOfferings")["serviceoffering"])
        self.disks = _ids(client.ok("listDiskOfferings")["diskoffering"])
        self.templates = _ids(client.ok("listTemplates", templatefilter="featured")["template"])

    def machine(self, client: Client, name: str, **params: Any) -> dict[str, Any]:
        """Deploy a machine in the Basic zone, unless told otherwise."""
        offering, template = self.offerings["Small Instance"], self.templates["debian-12-v20260101"]
        given = {"zoneid": self.basic, "serviceofferingid": offering, "templateid": template, "name": name}
        machine: dict[str, Any] = client.ok("deployVirtualMachine", **(given | params))["virtualmachine"]
        return machine

    def volume(self, client: Client, name: str, size: int = 5, **params: Any) -> dict[str, Any]:
        given = {"zoneid": self.basic, "name": name, "diskofferingid": self.disks["Custom"], "size": size}
        volume: dict[str, Any] = client.ok("createVolume", **(given | params))["volume"]
        return volume


def _ids(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["name"]: row["id"] for row in rows}


@pytest.fixture(scope="module")
def seeds(server: ThreadedSandbox, accounts: tuple[AccountKeys, ...]) -> Seeds:
    return Seeds(Client(server.url, accounts[0]))


@pytest.fixture
def make_client(accounts: tuple[AccountKeys, ...]) -> Callable[[str], Client]:
    """Return how to make a client of demo for another sandbox."""
    return lambda url: Client(url, accounts[0])


@pytest.fixture
def make_seeds() -> Callable[[Client], Seeds]:
    return Seeds
