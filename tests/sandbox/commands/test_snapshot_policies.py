"""Snapshot policies of volumes."""

from __future__ import annotations

from typing import Any

import pytest

DAILY = {"intervaltype": "DAILY", "schedule": "30:2", "maxsnaps": 7, "timezone": "UTC"}


def test_one_policy_for_an_interval(demo: Any, seeds: Any) -> None:
    """A second policy of an interval type changes the first; other types stand beside it."""
    volume = seeds.volume(demo, "kept")["id"]
    first = demo.ok("createSnapshotPolicy", volumeid=volume, **DAILY)["snapshotpolicy"]
    second = demo.ok("createSnapshotPolicy", volumeid=volume, **{**DAILY, "maxsnaps": 2})["snapshotpolicy"]
    assert (second["id"], second["maxsnaps"], second["intervaltype"]) == (first["id"], 2, 1)
    demo.ok("createSnapshotPolicy", volumeid=volume, **{**DAILY, "intervaltype": "HOURLY", "schedule": "5"})
    assert demo.ok("listSnapshotPolicies", volumeid=volume)["count"] == 2
    assert demo.ok("updateSnapshotPolicy", id=first["id"])["snapshotpolicy"]["schedule"] == "30:2"
    demo.ok("deleteSnapshotPolicies", id=first["id"])
    assert demo.failure("deleteSnapshotPolicies", id=first["id"])[0] == 431


@pytest.mark.parametrize(
    "changes", [{"intervaltype": "YEARLY"}, {"maxsnaps": 4000}, {"maxsnaps": 0}, {"schedule": "5"}]
)
def test_bad_policies_are_refused(demo: Any, seeds: Any, changes: dict[str, Any]) -> None:
    """An unknown interval, too many snapshots or a schedule of another interval are 431."""
    volume = seeds.volume(demo, "bad")["id"]
    assert demo.failure("createSnapshotPolicy", volumeid=volume, **{**DAILY, **changes})[0] == 431


def test_what_is_not_checked(demo: Any, seeds: Any) -> None:
    """As measured, a minute 61 is taken, and an unknown time zone becomes GMT."""
    volume = seeds.volume(demo, "odd")["id"]
    odd = {**DAILY, "schedule": "61:2", "timezone": "Nowhere/City"}
    shown = demo.ok("createSnapshotPolicy", volumeid=volume, **odd)["snapshotpolicy"]
    assert (shown["schedule"], shown["timezone"]) == ("61:2", "GMT")
