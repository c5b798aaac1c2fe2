"""Older CloudStacks: what came later is refused, ignored or not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gstack.sandbox import versions
from gstack.sandbox.server import running
from gstack.sandbox.settings import AccountKeys, SandboxSettings

VERSIONS = ("4.16", "4.18", "4.20", "4.22", "4.23")


@pytest.fixture(scope="module", params=VERSIONS)
def played(request: pytest.FixtureRequest, accounts: tuple[AccountKeys, ...]) -> Iterator[tuple[str, str]]:
    """Return a version and the URL of a sandbox that plays it."""
    with running(SandboxSettings(accounts=accounts, cloudstack_version=request.param, job_delay=0)) as server:
        yield request.param, server.url


def test_versions_are_compared_by_number() -> None:
    """4.9 is older than 4.16, however `since` is written; what has no `since` is always there."""
    assert versions.has("4.16", "4.9+")
    assert versions.has("4.22", "4.22.0")
    assert not versions.has("4.22", "4.22.1")
    assert versions.has("4.16", None)


def test_fields_of_later_versions_are_left_out() -> None:
    """A field goes from the object that it came to, and from no other one."""
    answer = {"virtualmachine": [{"isos": [], "nic": [{"enabled": True}]}], "vmschedule": [{"enabled": True}]}
    shown = {"virtualmachine": [{"nic": [{}]}], "vmschedule": [{"enabled": True}]}
    assert versions.as_of("4.22", answer) == shown
    assert versions.as_of("4.23", answer) == answer


def test_version_is_told(played: tuple[str, str], make_client: Callable[[str], Any]) -> None:
    """The version stands in listCapabilities."""
    version, url = played
    shown = make_client(url).ok("listCapabilities")["capability"]["cloudstackversion"]
    assert shown.startswith(f"{version}.")


@pytest.mark.parametrize(
    ("command", "since"), [("listKMSKeys", "4.23"), ("listVMSchedule", "4.19"), ("listUserKeys", "4.23")]
)
def test_later_commands_are_unknown(
    played: tuple[str, str], make_client: Callable[[str], Any], command: str, since: str
) -> None:
    """A command that came later is 401 and is not in listApis."""
    version, url = played
    client = make_client(url)
    here = versions.has(version, since)
    assert (client.call(command)[0] != 401) == here
    assert (client.call("listApis", name=command)[0] == 200) == here


def test_later_parameters_are_ignored_in_silence(
    played: tuple[str, str], make_client: Callable[[str], Any], make_seeds: Callable[[Any], Any]
) -> None:
    """An older cloud takes `deleteprotection` and does nothing with it."""
    version, url = played
    client = make_client(url)
    machine = make_seeds(client).machine(client, "protected")["id"]
    shown = client.ok("updateVirtualMachine", id=machine, deleteprotection="true")["virtualmachine"]
    protected = versions.has(version, "4.20")
    assert shown.get("deleteprotection", False) == protected
    named = {entry["name"] for entry in client.ok("listApis", name="updateVirtualMachine")["api"][0]["params"]}
    assert ("deleteprotection" in named) == protected
    job = client.job(client.call("destroyVirtualMachine", id=machine)[1]["jobid"])
    assert (job["jobstatus"] == 2) == protected
