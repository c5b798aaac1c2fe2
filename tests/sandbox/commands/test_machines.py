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
    assert demo.ok("listVolumes", id=dropped) == {}


def test_delete_protection(demo: Any, seeds: Any) -> None:
    """A protected machine cannot be destroyed."""
    machine = seeds.machine(demo, "protected")
    demo.ok("updateVirtualMachine", id=machine["id"], deleteprotection=True)
    assert demo.failure("destroyVirtualMachine", id=machine["id"])[0] == 431


@pytest.mark.parametrize(("field", "value"), [("state", "Running"), ("keyword", "filtered")])
def test_filters(demo: Any, seeds: Any, field: str, value: str) -> None:
    """A list keeps to its filters."""
    running_one = seeds.machine(demo, f"filtered-{field}")
    stopped_one = seeds.machine(demo, f"other-{field}", startvm=False)
    ids = {row["id"] for row in demo.ok("listVirtualMachines", **{field: value})["virtualmachine"]}
    assert (running_one["id"] in ids, stopped_one["id"] in ids) == (True, False)


def test_parts_of_an_answer(demo: Any, seeds: Any) -> None:
    """`details` names the parts to show; `min` leaves out template, offering and NICs; others are 431."""
    machine = seeds.machine(demo, "partly")["id"]
    least = demo.ok("listVirtualMachines", id=machine, details="min")["virtualmachine"][0]
    assert (least["nic"], least["securitygroup"]) == ([], [])
    assert not {"templateid", "serviceofferingid", "memory"} & least.keys()
    assert demo.failure("listVirtualMachines", details="nothing")[0] == 431
    assert demo.failure("listVirtualMachines", id=machine, ids=machine)[0] == 431


def test_deletion_that_gives_the_quota_back(demo: Any, seeds: Any) -> None:
    """A stopped machine's root disk can be detached and deleted; without it the machine does not start, and goes."""

    def counts() -> tuple[int, int, int]:
        account = demo.ok("listAccounts")["account"][0]
        return account["vmtotal"], account["volumetotal"], account["primarystoragetotal"]

    before = counts()
    machine = seeds.machine(demo, "quota")["id"]
    root = demo.ok("listVolumes", virtualmachineid=machine)["volume"][0]["id"]
    assert demo.failure("detachVolume", id=root)[0] == 431
    demo.ok("stopVirtualMachine", id=machine)
    assert demo.ok("detachVolume", id=root)["volume"]["type"] == "DATADISK"
    assert demo.failure("startVirtualMachine", id=machine)[0] == 530
    demo.ok("attachVolume", id=root, virtualmachineid=machine, deviceid=0)
    demo.ok("startVirtualMachine", id=machine)
    demo.ok("stopVirtualMachine", id=machine)
    demo.ok("detachVolume", id=root)
    demo.ok("deleteVolume", id=root)
    demo.ok("destroyVirtualMachine", id=machine)
    assert counts() == before


def test_destroyed_machine_keeps_its_volume(demo: Any, seeds: Any) -> None:
    """A destroyed machine counts no more, but its root volume does, and is listed with `vmstate` Destroyed."""
    machine = seeds.machine(demo, "keeps-volume")["id"]
    account = demo.ok("listAccounts")["account"][0]
    demo.ok("destroyVirtualMachine", id=machine)
    after = demo.ok("listAccounts")["account"][0]
    assert (after["vmtotal"], after["volumetotal"]) == (account["vmtotal"] - 1, account["volumetotal"])
    assert demo.ok("listVolumes", virtualmachineid=machine)["volume"][0]["vmstate"] == "Destroyed"


def test_stop_of_a_machine_that_is_gone(demo: Any, seeds: Any) -> None:
    """Stopping a destroyed machine changes nothing and ends well; starting or rebooting it fails."""
    machine = seeds.machine(demo, "long-gone")["id"]
    demo.ok("destroyVirtualMachine", id=machine)
    assert demo.ok("stopVirtualMachine", id=machine)["virtualmachine"]["state"] == "Destroyed"
    assert demo.failure("startVirtualMachine", id=machine)[0] == 530
    assert demo.failure("rebootVirtualMachine", id=machine)[0] == 431
    assert demo.ok("destroyVirtualMachine", id=machine)["virtualmachine"]["state"] == "Destroyed"


def test_present_is_a_state_too(demo: Any, seeds: Any) -> None:
    """The state `Present` stands for every machine that is not destroyed."""
    machine = seeds.machine(demo, "here")["id"]
    assert machine in {row["id"] for row in demo.ok("listVirtualMachines", state="Present")["virtualmachine"]}


def test_what_no_machine_is(demo: Any, seeds: Any) -> None:
    """Filters for high availability, leases or other hypervisors find nothing."""
    machine = seeds.machine(demo, "plain")["id"]
    assert demo.ok("listVirtualMachines", id=machine, hypervisor="simulator")["count"] == 1
    assert demo.ok("listVirtualMachines", id=machine, hypervisor="KVM") == {}
    assert demo.ok("listVirtualMachines", id=machine, leased="true") == {}
    assert demo.ok("listVirtualMachines", id=machine, leased="false")["count"] == 1
