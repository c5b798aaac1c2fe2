"""Groups of machines."""

from __future__ import annotations

from typing import Any


def test_machine_makes_its_group(demo: Any, seeds: Any) -> None:
    """A deployment with `group` makes the group, shows it, and is found by its id."""
    machine = seeds.machine(demo, "sorted", group="shelf")
    group = demo.ok("listInstanceGroups", name="shelf")["instancegroup"][0]["id"]
    assert (machine["group"], machine["groupid"]) == ("shelf", group)
    assert [row["id"] for row in demo.ok("listVirtualMachines", groupid=group)["virtualmachine"]] == [machine["id"]]
    demo.ok("deleteInstanceGroup", id=group)
    assert "group" not in demo.ok("listVirtualMachines", id=machine["id"])["virtualmachine"][0]
    assert demo.ok("listInstanceGroups", id=group) == {}


def test_names_are_taken_once(demo: Any) -> None:
    """A second group of a name is 431; a group can be renamed."""
    group = demo.ok("createInstanceGroup", name="twice")["instancegroup"]["id"]
    assert demo.failure("createInstanceGroup", name="twice")[0] == 431
    assert demo.ok("updateInstanceGroup", id=group, name="once")["instancegroup"]["name"] == "once"
