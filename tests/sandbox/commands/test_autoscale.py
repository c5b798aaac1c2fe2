"""Autoscaling in the sandbox: counters, and no groups."""

from __future__ import annotations

from typing import Any


def test_counters_are_there_and_groups_are_not(demo: Any) -> None:
    """A fresh CloudStack has counters and nothing that uses them."""
    counters = demo.ok("listCounters", source="CPU")["counter"]
    assert "vm.cpu.average.percentage" in {row["value"] for row in counters}
    for command in ("listAutoScaleVmGroups", "listAutoScaleVmProfiles", "listAutoScalePolicies", "listConditions"):
        assert demo.ok(command) == {}
