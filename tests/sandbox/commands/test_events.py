"""The list of events."""

from __future__ import annotations

from typing import Any


def test_commands_leave_events(demo: Any, other: Any, seeds: Any) -> None:
    """A deployment is scheduled and completed, newest first; another account does not see it."""
    machine = seeds.machine(demo, "eventful")
    found = demo.ok("listEvents", resourceid=machine["id"])["event"]
    assert [(row["type"], row["state"]) for row in found] == [("VM.CREATE", "Completed"), ("VM.CREATE", "Scheduled")]
    assert found[0]["resourcename"] == "eventful"
    assert other.ok("listEvents", resourceid=machine["id"]) == {}


def test_failures_are_errors(demo: Any, seeds: Any) -> None:
    """The event of a failed job has the level ERROR."""
    demo.failure("createTags", resourceids=seeds.machine(demo, "e2")["id"], resourcetype="UserVm", tags__key="k")
    assert demo.ok("listEvents", type="CREATE_TAGS", level="ERROR", page=1, pagesize=1)["event"][0]["level"] == "ERROR"


def test_events_of_a_time(demo: Any) -> None:
    """Dates choose events."""
    demo.ok("createSecurityGroup", name="dated")
    assert demo.ok("listEvents", startdate="2001-01-01")["count"] >= 1
    assert demo.ok("listEvents", startdate="2999-01-01") == {}
