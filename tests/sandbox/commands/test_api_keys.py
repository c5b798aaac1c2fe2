"""API key pairs of a user."""

from __future__ import annotations

from typing import Any

import pytest

from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import AccountKeys, SandboxSettings, new_account


def test_new_api_key_pair_calls_until_it_is_deleted(demo: Any, server: ThreadedSandbox) -> None:
    """A registered pair calls at once; after its deletion it is 401."""
    user = demo.ok("listUsers")["user"][0]["id"]
    pair = demo.ok("registerUserKeys", id=user, name="second", enddate="2999-01-01")["userkeys"]
    client = type(demo)(server.url, AccountKeys("demo", pair["apikey"], pair["secretkey"], ""))
    assert client.call("listZones")[0] == 200
    demo.ok("deleteUserKeys", keypairid=pair["id"])
    assert client.call("listZones")[0] == 401


def test_foreign_keys(demo: Any, other: Any) -> None:
    """Another user's keys are 531."""
    user = demo.ok("listUsers")["user"][0]["id"]
    assert other.call("getUserKeys", id=user)[0] == 531


def test_a_cloudstack_with_one_pair(demo: Any) -> None:
    """Before 4.23 a new pair replaces the old one at once, and nobody can list or delete pairs."""
    account = new_account("demo")
    with running(SandboxSettings((account,), cloudstack_version="4.22")) as server:
        client = type(demo)(server.url, account)
        assert client.failure("listApis", name="deleteUserKeys")[0] == 431
        assert [entry["name"] for entry in client.ok("listApis", name="registerUserKeys")["api"][0]["params"]] == ["id"]
        user = client.ok("listUsers")["user"][0]["id"]
        assert client.call("listUserKeys")[0] == 401
        pair = client.ok("registerUserKeys", id=user)["userkeys"]
        assert client.call("listZones")[0] == 401
        fresh = type(demo)(server.url, AccountKeys("demo", pair["apikey"], pair["secretkey"], ""))
        assert fresh.ok("getUserKeys", id=user)["userkeys"] == pair


@pytest.mark.parametrize("wanted", [True, False])
def test_pairs_are_filtered_by_their_key(demo: Any, wanted: bool) -> None:
    """ListUserKeys' apikeyfilter finds one pair, or none."""
    known = demo.ok("listUserKeys")["userapikey"][0]["apikey"]
    found = demo.ok("listUserKeys", apikeyfilter=known if wanted else "x").get("userapikey", [])
    assert len(found) == wanted
