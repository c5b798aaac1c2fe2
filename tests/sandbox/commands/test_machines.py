"""The life of machines."""

from __future__ import annotations

from typing import Any

import pytest

from gstack.sandbox.server import running
from gstack.sandbox.settings import AccountKeys, SandboxSettings


def test_power(demo: Any, seeds: Any) -> None:
    """A machine stops and starts and keeps its address; starting a running one fails its job with 431."""
    machine = seeds.machine(demo, "power")
    assert demo.ok("stopVirtualMachine", id=machine["id"])["virtualmachine"]["state"] == "Stopped"
    again = demo.ok("startVirtualMachine", id=machine["id"])["virtualmachine"]
    assert (again["state"], again["ipaddress"]) == ("Running", machine["ipaddress"])
    assert demo.failure("startVirtualMachine", id=machine["id"])[0] == 431


def test_destroyed_machine_holds_its_name_and_is_not_listed(demo: Any, seeds: Any) -> None:
    """A destroyed machine is hidden, its root volume stays with vmstate Destroyed, its name is taken."""
    machine = seeds.machine(demo, "held")
    assert demo.ok("destroyVirtualMachine", id=machine["id"])["virtualmachine"]["state"] == "Destroyed"
    assert demo.ok("listVirtualMachines", id=machine["id"]) == {}
    volume = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]
    assert (volume["type"], volume["vmstate"]) == ("ROOT", "Destroyed")
    offering, template = seeds.offerings["Small Instance"], seeds.templates["debian-12-v20260101"]
    given = {"zoneid": seeds.basic, "serviceofferingid": offering, "templateid": template, "name": "held"}
    assert demo.failure("deployVirtualMachine", **given)[0] == 431


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


def test_expunging_is_not_for_users(demo: Any, seeds: Any) -> None:
    """`expunge=true` fails the job with 530 and leaves the machine as it was."""
    machine = seeds.machine(demo, "kept")
    code, text = demo.failure("destroyVirtualMachine", id=machine["id"], expunge=True)
    assert (code, text) == (530, "Account does not have permission for expunging.")
    assert demo.ok("listVirtualMachines", id=machine["id"])["virtualmachine"][0]["state"] == "Running"


def test_expunging_where_it_is_allowed(accounts: tuple[AccountKeys, ...], make_client: Any, make_seeds: Any) -> None:
    """Where users may expunge, the machine, its root volume and its name are gone at once."""
    with running(SandboxSettings(accounts=accounts, job_delay=0, expunge_allowed=True)) as server:
        client = make_client(server.url)
        seeds = make_seeds(client)
        assert client.ok("listCapabilities")["capability"]["allowuserexpungerecovervm"] is True
        machine = seeds.machine(client, "gone")
        client.ok("destroyVirtualMachine", id=machine["id"], expunge=True)
        assert client.ok("listVolumes") == {}
        assert seeds.machine(client, "gone")["state"] == "Running"


def test_volumes_of_a_destroyed_machine(demo: Any, seeds: Any) -> None:
    """Data volumes are detached and Ready; those named in volumeids are in state Destroy until deleteVolume."""
    machine = seeds.machine(demo, "with-disks")
    kept, dropped = (seeds.volume(demo, name)["id"] for name in ("kept", "dropped"))
    for volume in (kept, dropped):
        demo.ok("attachVolume", id=volume, virtualmachineid=machine["id"])
    demo.ok("destroyVirtualMachine", id=machine["id"], volumeids=dropped)
    states = {row["id"]: row["state"] for row in demo.ok("listVolumes", type="DATADISK")["volume"]}
    assert (states[kept], states[dropped]) == ("Ready", "Destroy")
    demo.ok("deleteVolume", id=dropped)
    assert demo.call("listVolumes", id=dropped)[0] == 431


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


def test_delete_protection(demo: Any, seeds: Any) -> None:
    """A protected machine cannot be destroyed."""
    machine = seeds.machine(demo, "protected")
    demo.ok("updateVirtualMachine", id=machine["id"], deleteprotection=True)
    assert demo.failure("destroyVirtualMachine", id=machine["id"])[0] == 431


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


@pytest.mark.parametrize(("field", "value"), [("state", "Running"), ("keyword", "filtered")])
def test_filters(demo: Any, seeds: Any, field: str, value: str) -> None:
    """A list keeps to its filters."""
    running_one = seeds.machine(demo, f"filtered-{field}")
    stopped_one = seeds.machine(demo, f"other-{field}", startvm=False)
    ids = {row["id"] for row in demo.ok("listVirtualMachines", **{field: value})["virtualmachine"]}
    assert (running_one["id"] in ids, stopped_one["id"] in ids) == (True, False)


def test_restored_machine_has_a_fresh_root(demo: Any, seeds: Any) -> None:
    """RestoreVirtualMachine replaces the root volume, from another template if one is named."""
    machine = seeds.machine(demo, "restored")
    before = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["id"]
    template = seeds.templates["rocky-linux-9-v20260101"]
    found = demo.ok("restoreVirtualMachine", virtualmachineid=machine["id"], templateid=template)["virtualmachine"]
    after = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"]
    assert (found["templateid"], len(after), after[0]["id"] != before) == (template, 1, True)
