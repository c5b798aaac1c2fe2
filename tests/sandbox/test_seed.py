"""What a fresh sandbox holds."""

from __future__ import annotations

from typing import Any

from gstack.sandbox.seed import seed
from gstack.sandbox.settings import SandboxSettings, new_account
from gstack.sandbox.world import World


def test_offerings_and_templates(demo: Any) -> None:
    """The names that users of Compute Engine type are there, and CloudStack's own."""
    offerings = {row["name"] for row in demo.ok("listServiceOfferings")["serviceoffering"]}
    assert {"Small Instance", "Medium Instance", "Custom Instance", "n1-standard-1", "e2-medium"} <= offerings
    found = demo.ok("listTemplates", templatefilter="featured", showunique=True)["template"]
    families = {tag["value"] for row in found for tag in row["tags"] if tag["key"] == "family"}
    assert families == {"debian-12", "ubuntu-2404-lts", "rocky-linux-9"}


def test_seeding_twice_changes_nothing() -> None:
    """A known world keeps its ids; new keys of an account are added."""
    world, account = World(), new_account("demo")
    seed(world, SandboxSettings(accounts=(account,)))
    zones = [zone["id"] for zone in world.all("zone")]
    seed(world, SandboxSettings(accounts=(new_account("demo"),)))
    assert [zone["id"] for zone in world.all("zone")] == zones
    assert (world.count("account"), world.count("userkey")) == (2, 2)
