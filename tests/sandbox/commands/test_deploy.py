"""deployVirtualMachine in its forms."""

from __future__ import annotations

import base64
from typing import Any

import pytest

GIB = 1024**3


def given(seeds: Any, **more: Any) -> dict[str, Any]:
    offering, template = seeds.offerings["Small Instance"], seeds.templates["debian-12-v20260101"]
    return {"zoneid": seeds.basic, "serviceofferingid": offering, "templateid": template, **more}


def test_machine_is_there_at_once(demo: Any, seeds: Any) -> None:
    """The answer has the machine's id beside the job's, and the machine is listed before the job has ended."""
    _, body = demo.call("deployVirtualMachine", **given(seeds, name="at-once"))
    listed = demo.ok("listVirtualMachines", id=body["id"])["virtualmachine"][0]
    assert listed["state"] in ("Stopped", "Starting", "Running")
    assert demo.result(body["jobid"])["virtualmachine"]["state"] == "Running"


def test_stopped_machine(demo: Any, seeds: Any) -> None:
    """With startvm=false a machine stays stopped, without an address in a Basic zone, and starts later."""
    machine = seeds.machine(demo, "asleep", startvm=False)
    assert (machine["state"], "ipaddress" in machine["nic"][0]) == ("Stopped", False)
    assert "ipaddress" in demo.ok("startVirtualMachine", id=machine["id"])["virtualmachine"]["nic"][0]


def test_machine_without_a_name(demo: Any, seeds: Any) -> None:
    """Without a name CloudStack makes one of the id."""
    _, body = demo.call("deployVirtualMachine", **given(seeds))
    assert demo.result(body["jobid"])["virtualmachine"]["name"] == f"VM-{body['id']}"


@pytest.mark.parametrize("name", ["Bad_Name!", "1st", "-a", "a-", "a" * 64])
def test_bad_names(demo: Any, seeds: Any, name: str) -> None:
    """A name that cannot be a host name is 431."""
    assert demo.failure("deployVirtualMachine", **given(seeds, name=name))[0] == 431


def test_custom_offering(demo: Any, seeds: Any) -> None:
    """A customised offering takes processors and memory from details, within its limits, and needs them."""
    offering = seeds.offerings["Custom Instance"]
    details = {"details[0].cpuNumber": "2", "details[0].memory": "2048"}
    machine = seeds.machine(demo, "custom", serviceofferingid=offering, **details)
    assert (machine["cpunumber"], machine["memory"]) == (2, 2048)
    assert demo.failure("deployVirtualMachine", **given(seeds, serviceofferingid=offering))[0] == 431
    many = {**details, "details[0].cpuNumber": "64"}
    code, text = demo.failure("deployVirtualMachine", **given(seeds, serviceofferingid=offering, **many))
    assert (code, text) == (431, "Invalid CPU cores value, specify a value between 1 and 16")


def test_disks(demo: Any, seeds: Any) -> None:
    """A machine comes with its root disk of the wanted size, and a data disk named by CloudStack."""
    disks = {"rootdisksize": 20, "diskofferingid": seeds.disks["Custom"], "size": 7}
    machine = seeds.machine(demo, "disks", **disks)
    volumes = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"]
    assert [(row["type"], row["size"], row["deviceid"]) for row in volumes] == [
        ("ROOT", 20 * GIB, 0),
        ("DATADISK", 7 * GIB, 1),
    ]
    assert volumes[1]["name"].startswith("DATA-")


def test_root_disk_smaller_than_the_template(demo: Any, seeds: Any) -> None:
    """A root disk smaller than the template is 431 and makes nothing."""
    assert demo.failure("deployVirtualMachine", **given(seeds, name="small", rootdisksize=1))[0] == 431
    assert demo.ok("listVirtualMachines", name="small") == {}


def test_root_disk_of_a_disk_offering(demo: Any, seeds: Any) -> None:
    """A disk offering in place of the machine's own gives the root volume its name, and its size where it has one."""
    for kind, more, size in (("Medium", {"rootdisksize": 7}, 20), ("Custom", {"rootdisksize": 9}, 9)):
        asked = {"name": f"over-{kind}", "overridediskofferingid": seeds.disks[kind], **more}
        machine = demo.ok("deployVirtualMachine", **given(seeds, **asked))["virtualmachine"]
        root = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]
        assert (root["diskofferingname"], root["size"]) == (kind, size * GIB)
    without = given(seeds, name="over-none", overridediskofferingid=seeds.disks["Custom"])
    assert demo.failure("deployVirtualMachine", **without)[0] == 431


def test_user_data(demo: Any, seeds: Any) -> None:
    """User data is kept as sent; beyond 32,768 characters of base64 it is 431."""
    text = base64.b64encode(b"#!/bin/sh\n").decode()
    machine = seeds.machine(demo, "scripted", userdata=text)
    found = demo.ok("getVirtualMachineUserData", virtualmachineid=machine["id"])["virtualmachineuserdata"]
    assert found["userdata"] == text
    assert demo.failure("deployVirtualMachine", **given(seeds, userdata="A" * 32772))[0] == 431


def test_key_pair(demo: Any, seeds: Any) -> None:
    """A key pair's public half and name lie in the machine's details; an unknown pair is 431."""
    demo.ok("createSSHKeyPair", name="pair")
    machine = seeds.machine(demo, "keyed", keypair="pair")
    assert (machine["keypairs"], machine["details"]["SSH.PublicKey"].split()[0]) == ("pair", "ssh-rsa")
    assert demo.failure("deployVirtualMachine", **given(seeds, keypair="none"))[0] == 431


def test_foreign_template(demo: Any, other: Any, seeds: Any) -> None:
    """A private template of another account cannot be deployed from."""
    url = "http://images.example.org/x.vhd"
    facts = {"format": "VHD", "hypervisor": "Simulator", "zoneid": seeds.basic, "url": url}
    ostype = demo.ok("listOsTypes", name="Rocky Linux 9")["ostype"][0]["id"]
    made = demo.ok("registerTemplate", name="own", displaytext="own", ostypeid=ostype, **facts)["template"][0]
    assert other.failure("deployVirtualMachine", **given(seeds, templateid=made["id"]))[0] == 531


def test_basic_zone_takes_no_networks(demo: Any, seeds: Any) -> None:
    """Naming a network in a Basic zone is 431."""
    network = demo.ok("listNetworks", zoneid=seeds.basic)["network"][0]["id"]
    assert demo.call("deployVirtualMachine", **given(seeds, zoneid=seeds.basic, networkids=network))[0] == 431


def test_default_group_in_a_security_group_zone(demo: Any, seeds: Any) -> None:
    """Without a group a machine joins `default`; in an Advanced zone it has none."""
    basic, east = seeds.machine(demo, "grouped"), seeds.machine(demo, "ungrouped", zoneid=seeds.east)
    assert [group["name"] for group in basic["securitygroup"]] == ["default"]
    assert east["securitygroup"] == []


def test_first_machine_makes_an_isolated_network(other: Any, seeds: Any) -> None:
    """An account without a network in an Advanced zone gets one, with a source NAT address."""
    machine = seeds.machine(other, "lonely", zoneid=seeds.west)
    assert (machine["nic"][0]["type"], machine["nic"][0]["networkname"]) == ("Isolated", "other-network")
    addresses = other.ok("listPublicIpAddresses", zoneid=seeds.west)["publicipaddress"]
    assert [address["issourcenat"] for address in addresses] == [True]


def test_groups_where_there_are_none(demo: Any, seeds: Any) -> None:
    """Security groups in a zone without them are 431."""
    code, _ = demo.failure("deployVirtualMachine", **given(seeds, zoneid=seeds.east, securitygroupnames="default"))
    assert code == 431
