"""Affinity groups."""

from __future__ import annotations

from typing import Any


def test_group_of_a_machine_cannot_go(demo: Any, seeds: Any) -> None:
    """A group is shown with its machine and cannot be deleted while one is in it."""
    group = demo.ok("createAffinityGroup", name="spread", type="host anti-affinity")["affinitygroup"]
    machine = seeds.machine(demo, "spread-1", affinitygroupnames="spread")
    assert demo.ok("listAffinityGroups", virtualmachineid=machine["id"])["affinitygroup"][0]["id"] == group["id"]
    assert demo.failure("deleteAffinityGroup", id=group["id"])[0] == 536


def test_free_group_goes_and_unknown_types_are_refused(demo: Any) -> None:
    """A group without machines is deleted; a type that CloudStack has not is 431; names are taken once."""
    demo.ok("createAffinityGroup", name="free", type="host affinity")
    assert demo.failure("createAffinityGroup", name="free", type="host affinity")[0] == 431
    assert demo.failure("createAffinityGroup", name="odd", type="odd")[0] == 431
    demo.ok("deleteAffinityGroup", name="free")
    assert demo.ok("listAffinityGroups", name="free") == {}
