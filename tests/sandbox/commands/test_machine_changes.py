"""Changes of a machine."""

from __future__ import annotations

from typing import Any


def test_renamed_machine_frees_its_name(demo: Any, seeds: Any) -> None:
    """A machine that is renamed before it is destroyed leaves its name free; the name shown follows."""
    machine = seeds.machine(demo, "reused")
    renamed = demo.ok("updateVirtualMachine", id=machine["id"], name="reused-tombstone")["virtualmachine"]
    assert (renamed["name"], renamed["displayname"]) == ("reused-tombstone", "reused-tombstone")
    demo.ok("destroyVirtualMachine", id=machine["id"])
    assert seeds.machine(demo, "reused")["state"] == "Running"


def test_name_that_is_taken(demo: Any, seeds: Any) -> None:
    """Renaming to a taken name is 530 with CloudStack's general text."""
    seeds.machine(demo, "occupied")
    machine = seeds.machine(demo, "wanting")
    code, text = demo.failure("updateVirtualMachine", id=machine["id"], name="occupied")
    assert code == 530
    assert text.startswith("Internal error executing command")


def test_groups_change_only_while_stopped(demo: Any, seeds: Any) -> None:
    """Security groups of a running machine cannot be changed; of a stopped one the list replaces, empty too."""
    group = demo.ok("createSecurityGroup", name="moved-to")["securitygroup"]["id"]
    machine = seeds.machine(demo, "moved")
    assert demo.failure("updateVirtualMachine", id=machine["id"], securitygroupids=group)[0] == 530
    demo.ok("stopVirtualMachine", id=machine["id"])
    changed = demo.ok("updateVirtualMachine", id=machine["id"], securitygroupids=group)["virtualmachine"]
    assert [row["id"] for row in changed["securitygroup"]] == [group]
    emptied = demo.ok("updateVirtualMachine", id=machine["id"], securitygroupids="")["virtualmachine"]
    assert emptied["securitygroup"] == []


def test_sizes_change_while_stopped(demo: Any, seeds: Any) -> None:
    """ChangeService answers at once and scale is a job; both need a stopped machine."""
    machine, bigger = seeds.machine(demo, "sized"), seeds.offerings["e2-medium"]
    assert demo.failure("scaleVirtualMachine", id=machine["id"], serviceofferingid=bigger)[0] == 530
    assert demo.failure("changeServiceForVirtualMachine", id=machine["id"], serviceofferingid=bigger)[0] == 431
    demo.ok("stopVirtualMachine", id=machine["id"])
    changed = demo.ok("changeServiceForVirtualMachine", id=machine["id"], serviceofferingid=bigger)
    assert changed["virtualmachine"]["memory"] == 4096


def test_key_reset_needs_a_stopped_machine(demo: Any, seeds: Any) -> None:
    """The SSH key of a running machine cannot be reset; of a stopped one it is replaced."""
    demo.ok("createSSHKeyPair", name="fresh")
    machine = seeds.machine(demo, "rekeyed")
    assert demo.failure("resetSSHKeyForVirtualMachine", id=machine["id"], keypair="fresh")[0] == 431
    demo.ok("stopVirtualMachine", id=machine["id"])
    found = demo.ok("resetSSHKeyForVirtualMachine", id=machine["id"], keypair="fresh")["virtualmachine"]
    assert found["keypairs"] == "fresh"


def test_details_are_replaced(demo: Any, seeds: Any) -> None:
    """New details replace all old ones, as recorded."""
    machine = seeds.machine(demo, "details", **{"details[0].a": "1"})
    found = demo.ok("updateVirtualMachine", id=machine["id"], **{"details[0].b": "2"})["virtualmachine"]
    assert found["details"] == {"b": "2"}


def test_restored_machine_has_a_fresh_root(demo: Any, seeds: Any) -> None:
    """RestoreVirtualMachine replaces the root volume, from another template if one is named."""
    machine = seeds.machine(demo, "restored")
    before = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["id"]
    template = seeds.templates["rocky-linux-9-v20260101"]
    found = demo.ok("restoreVirtualMachine", virtualmachineid=machine["id"], templateid=template)["virtualmachine"]
    after = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"]
    assert (found["templateid"], len(after), after[0]["id"] != before) == (template, 1, True)
