"""What listApis tells of the commands."""

from __future__ import annotations

from typing import Any


def test_what_the_role_may_call_is_told(demo: Any) -> None:
    """ListApis tells the parameters of one command; an unknown one is 431."""
    found = demo.ok("listApis", name="registerUserKeys")["api"][0]
    assert {"id", "name", "enddate"} <= {parameter["name"] for parameter in found["params"]}
    assert demo.failure("listApis", name="noSuchCommand")[0] == 431
