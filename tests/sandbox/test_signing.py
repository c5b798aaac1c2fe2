"""Signatures, against another implementation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import cs
import pytest

from gstack.sandbox.server import ThreadedSandbox
from gstack.sandbox.settings import AccountKeys


def test_the_cs_client_is_understood(server: ThreadedSandbox, accounts: tuple[AccountKeys, ...]) -> None:
    """The cs library signs in its own way, spaces and special characters included, and is understood."""
    keys = accounts[0]
    client = cs.CloudStack(endpoint=server.url, key=keys.api_key, secret=keys.secret_key)
    assert client.listServiceOfferings(name="Small Instance")["count"] == 1
    assert client.listServiceOfferings(name="a+b*c~d/e f_ü") == {}


@pytest.mark.parametrize(("hours", "status"), [(1, 200), (-1, 401)])
def test_expiry(demo: Any, hours: int, status: int) -> None:
    """A signature of version 3 holds until `expires`."""
    end = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S+0000")
    assert demo.call("listZones", signatureversion=3, expires=end)[0] == status


def test_changed_parameter(demo: Any, server: ThreadedSandbox, accounts: tuple[AccountKeys, ...]) -> None:
    """A call signed with another secret is 401."""
    wrong = AccountKeys("demo", accounts[0].api_key, accounts[1].secret_key, "")
    assert type(demo)(server.url, wrong).call("listZones")[0] == 401
