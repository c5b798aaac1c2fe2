"""Accounts, users and limits."""

from __future__ import annotations

from typing import Any


def test_a_user_sees_itself_alone(demo: Any) -> None:
    """ListAccounts and listUsers answer the caller's own, with its keys' public half."""
    account = demo.ok("listAccounts")["account"]
    user = demo.ok("listUsers")["user"]
    assert [row["name"] for row in account] == ["demo"]
    assert [(row["username"], "secretkey" in row) for row in user] == [("demo", False)]


def test_limits_of_a_project_are_a_projects(demo: Any) -> None:
    """A project has the limits of a project and names it as their owner."""
    project = demo.ok("createProject", name="limited", displaytext="limited")["project"]["id"]
    limit = demo.ok("listResourceLimits", resourcetype=8, projectid=project)["resourcelimit"][0]
    assert (limit["max"], limit["project"], "account" in limit) == (40, "limited", False)
