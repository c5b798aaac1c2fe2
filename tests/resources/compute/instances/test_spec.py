"""A spec survives the journal, knows what the sidecar keeps, and becomes CloudStack's parameters."""

import msgspec
from msgspec.structs import replace

from gstack.resources.compute.instances.insert import to_cloudstack
from gstack.resources.compute.instances.spec import AccessSpec, DiskSpec, InstanceSpec, InterfaceSpec
from gstack.resources.inventory.placements import Placement
from gstack.resources.inventory.service_offerings import MachineChoice
from gstack.resources.shared.user_data import digest
from gstack.resources.steps.volumes import NewVolume

BOOT = DiskSpec("vm1", "persistent-disk-0", auto_delete=True, kind="pd-ssd")
PLACE = Placement("z1", security_groups=False, network="n", subnetwork="s", network_id="net1", region="a-b")
SPEC = InstanceSpec("vm1", "a-b-c", "tmpl1", MachineChoice("off1"), (InterfaceSpec(PLACE),), BOOT)
SIZED = MachineChoice("off1", cpu=2, memory_mb=2048)


def test_survives_the_journal() -> None:
    """A spec written as JSON and read again is the same spec."""
    spec = replace(SPEC, machine=SIZED, data=(BOOT,), tags=("web",), labels={"a": ""}, access=AccessSpec("out"))
    stored = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(spec)))
    assert msgspec.convert(stored, InstanceSpec) == spec


def test_facts() -> None:
    """Empty fields leave no facts, but that there is no access config and what the guest has are some."""
    network = {"network": "global/networks/n", "subnetwork": "regions/a-b/subnetworks/s"}
    assert SPEC.facts == {"name": "vm1", "external": "", "told": digest(""), **network}
    assert replace(SPEC, user_data="eA==").facts["told"] == digest("eA==") != digest("")
    assert replace(SPEC, access=AccessSpec("out")).facts["external"] == "out"
    assert replace(SPEC, access=AccessSpec("out", index=1)).facts["external"] == ""
    assert BOOT.facts == {"name": "vm1", "device_name": "persistent-disk-0", "auto_delete": True, "type": "pd-ssd"}


def test_new_disks() -> None:
    """Disks that exist need no free name; the others say which volume to create."""
    exists, new = replace(BOOT, volume_id="v1"), replace(BOOT, name="new", snapshot_id="s1", size_gb=5)
    assert replace(SPEC, boot=exists, data=(new,)).new_disks == ["new"]
    assert new.new_volume("z1") == NewVolume("new", "z1", size_gb=5, snapshot_id="s1")
    assert [disk.comes_with_machine for disk in (BOOT, exists, new)] == [True, False, False]


def test_deployment_on_a_network() -> None:
    """A machine goes on its network by uuid, and a fixed address with it."""
    sent = {name: value for name, value in to_cloudstack(SPEC, []).items() if value is not None}
    assert sent == {
        "zoneid": "z1",
        "serviceofferingid": "off1",
        "templateid": "tmpl1",
        "displayname": "vm1",
        "networkids": ("net1",),
    }
    fixed = to_cloudstack(replace(SPEC, interfaces=(InterfaceSpec(PLACE, "10.0.0.7"),)), [])
    assert fixed["iptonetworklist"] == [{"networkid": "net1", "ip": "10.0.0.7"}]
    assert "networkids" not in fixed


def test_deployment_on_several_networks() -> None:
    """The networks come in the order of the interfaces; one fixed address makes it a list of networks with theirs."""
    second = InterfaceSpec(replace(PLACE, network="m", network_id="net2"))
    spec = replace(SPEC, interfaces=(*SPEC.interfaces, second))
    assert to_cloudstack(spec, [])["networkids"] == ("net1", "net2")
    fixed = replace(spec, interfaces=(*SPEC.interfaces, replace(second, address="10.9.0.7")))
    assert to_cloudstack(fixed, [])["iptonetworklist"] == [
        {"networkid": "net1"},
        {"networkid": "net2", "ip": "10.9.0.7"},
    ]


def test_deployment_for_a_disk_of_its_own() -> None:
    """A machine that boots from a disk that exists is not started with the one that CloudStack makes."""
    sent = to_cloudstack(replace(SPEC, boot=replace(BOOT, volume_id="v1", size_gb=20, offering_id="o1")), [])
    assert (sent["startvm"], sent["rootdisksize"], sent["overridediskofferingid"]) == (False, None, None)


def test_deployment_in_groups() -> None:
    """A machine in a zone with security groups names its groups, its sizes and its guest's document."""
    place = Placement("z1", security_groups=True, network="n", subnetwork=None)
    nics = (InterfaceSpec(place, "60.1.0.9"),)
    sent = to_cloudstack(replace(SPEC, machine=SIZED, interfaces=nics, user_data="eA=="), ["g1", "g2"])
    assert sent["securitygroupids"] == ["g1", "g2"]
    assert sent["details"] == {"cpuNumber": 2, "memory": 2048}
    assert (sent["userdata"], sent["ipaddress"], sent["networkids"]) == ("eA==", "60.1.0.9", None)
