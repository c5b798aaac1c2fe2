"""Schedules of machines."""

from __future__ import annotations

from typing import Any

import pytest

NIGHTLY = {"action": "STOP", "schedule": "0 22 * * *", "timezone": "Europe/Dublin"}


def test_schedule_is_made_changed_and_deleted(demo: Any, other: Any, seeds: Any) -> None:
    """A schedule is listed with its machine, changes, and may be deleted for its owner only."""
    machine = seeds.machine(demo, "nightly")["id"]
    made = demo.ok("createVMSchedule", virtualmachineid=machine, **NIGHTLY)["vmschedule"]
    assert (made["action"], made["enabled"]) == ("STOP", True)
    changed = demo.ok("updateVMSchedule", id=made["id"], schedule="0 23 * * *", enabled="false")["vmschedule"]
    assert (changed["schedule"], changed["enabled"]) == ("0 23 * * *", False)
    assert other.failure("listVMSchedule", virtualmachineid=machine)[0] == 531
    demo.ok("deleteVMSchedule", virtualmachineid=machine, id=made["id"])
    assert demo.ok("listVMSchedule", virtualmachineid=machine) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "DANCE"},
        {"schedule": "nonsense"},
        {"schedule": "0 6 * *"},
        {"timezone": "Nowhere/City"},
        {"startdate": "2001-01-01 00:00:00"},
    ],
)
def test_bad_schedules_are_refused(demo: Any, seeds: Any, changes: dict[str, str]) -> None:
    """An unknown action or time zone, what is not five fields of cron, or a start in the past is 431."""
    machine = seeds.machine(demo, f"bad-{next(iter(changes))}-{len(str(changes))}")["id"]
    assert demo.failure("createVMSchedule", virtualmachineid=machine, **{**NIGHTLY, **changes})[0] == 431
