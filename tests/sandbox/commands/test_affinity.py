"""Affinity groups."""

from __future__ import annotations

from typing import Any


def test_group_of_a_machine_goes(demo: Any, seeds: Any) -> None:
    """A group is shown with its machine, and leaves it when it is deleted, as recorded."""
    group = demo.ok("createAffinityGroup", name="spread", type="host anti-affinity")["affinitygroup"]
    machine = seeds.machine(demo, "spread-1", affinitygroupnames="spread")
    assert demo.ok("listAffinityGroups", virtualmachineid=machine["id"])["affinitygroup"][0]["id"] == group["id"]
    demo.ok("deleteAffinityGroup", id=group["id"])
    assert demo.ok("listVirtualMachines", id=machine["id"])["virtualmachine"][0]["affinitygroup"] == []


def test_groups_change_on_stopped_machines_only(demo: Any, seeds: Any) -> None:
    """Updating the groups of a running machine is 431; of a stopped one the new list replaces the old one."""
    group = demo.ok("createAffinityGroup", name="later", type="host affinity")["affinitygroup"]["id"]
    machine = seeds.machine(demo, "regrouped")["id"]
    assert demo.failure("updateVMAffinityGroup", id=machine, affinitygroupids=group)[0] == 431
    demo.ok("stopVirtualMachine", id=machine)
    shown = demo.result(demo.call("updateVMAffinityGroup", id=machine, affinitygroupids=group)[1]["jobid"])
    assert [row["name"] for row in shown["virtualmachine"]["affinitygroup"]] == ["later"]
    demo.result(demo.call("updateVMAffinityGroup", id=machine, affinitygroupids="")[1]["jobid"])
    assert demo.ok("listVirtualMachines", id=machine)["virtualmachine"][0]["affinitygroup"] == []


def test_free_group_goes_and_unknown_types_are_refused(demo: Any) -> None:
    """A group without machines is deleted; an unknown type is 431; names are taken once."""
    demo.ok("createAffinityGroup", name="free", type="host affinity")
    assert demo.failure("createAffinityGroup", name="free", type="host affinity")[0] == 431
    assert demo.failure("createAffinityGroup", name="odd", type="odd")[0] == 431
    demo.ok("deleteAffinityGroup", name="free")
    assert demo.ok("listAffinityGroups", name="free") == {}
