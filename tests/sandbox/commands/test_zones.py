"""Zones and regions."""

from __future__ import annotations

from typing import Any


def test_zone_by_name(demo: Any, seeds: Any) -> None:
    """A zone is found by its exact name."""
    assert demo.ok("listZones", name="sandbox-east1-a")["zone"][0]["id"] == seeds.east
    assert demo.ok("listZones", name="sandbox") == {}


def test_one_region(demo: Any) -> None:
    """There is one region, Local, as in every CloudStack of one site."""
    assert [region["name"] for region in demo.ok("listRegions")["region"]] == ["Local"]
