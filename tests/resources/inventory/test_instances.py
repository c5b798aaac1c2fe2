"""Instances as they are shown, from bodies that a CloudStack 4.23 answered."""

from typing import Any

import msgspec
import pytest

from fixtures.witness import violations
from gstack.gateway.kinds import with_kinds
from gstack.resources.inventory.instances import AttachedDisk, View, device_name, ordered, to_gce
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import Location

MACHINE = b"""{
 "id": "0268c1ad-1833-4c4f-89c0-fdcdab043a29", "name": "iso-vm1", "displayname": "iso-vm1", "account": "alice",
 "created": "2026-11-22T13:43:02+0000", "lastupdated": "2026-11-22T13:43:04+0000", "state": "Running",
 "zoneid": "de8bcd8f-0c12-4b9f-87fe-f84500055f48", "zonename": "adv",
 "templateid": "8a0979bc-e675-11f1-bf16-02fc00000001",
 "serviceofferingid": "69bff60f-ccdd-42e7-bbae-91764ed2ca4d", "serviceofferingname": "Small Instance",
 "cpunumber": 1, "cpuspeed": 500, "memory": 512, "securitygroup": [],
 "nic": [
  {"id": "98300218-9686-4b2d-8eb7-f448ea946129", "networkid": "9ff761df-94b6-4e4b-908c-752b161b0c88",
   "networkname": "iso2", "netmask": "255.255.255.0", "gateway": "10.51.0.1", "ipaddress": "10.51.0.245",
   "traffictype": "Guest", "type": "Isolated", "isdefault": false, "deviceid": "1", "enabled": true},
  {"id": "621288f1-5246-4554-bb03-1c92e86c4122", "networkid": "6a57d3a0-56c5-4619-a5f1-d443cc8c17b2",
   "networkname": "iso1", "netmask": "255.255.255.0", "gateway": "10.50.0.1", "ipaddress": "10.50.0.35",
   "traffictype": "Guest", "type": "Isolated", "isdefault": true, "deviceid": "0",
   "publicipid": "1e006248-1cfb-40a4-8259-472815d99c85", "publicip": "192.168.2.5", "enabled": true}],
 "publicip": "192.168.2.5", "deleteprotection": false,
 "tags": [{"key": "env", "value": "prod"}, {"key": "gstack-x", "value": "ours"}]
}"""
ROOT = b"""{
 "id": "4bbeff60-24c8-4390-97ba-8784b6e94133", "name": "ROOT-19", "type": "ROOT", "deviceid": 0,
 "zoneid": "de8bcd8f-0c12-4b9f-87fe-f84500055f48", "virtualmachineid": "0268c1ad-1833-4c4f-89c0-fdcdab043a29",
 "vmname": "iso-vm1", "vmstate": "Running", "size": 2147483648, "created": "2026-11-22T13:43:52+0000",
 "state": "Ready", "tags": []
}"""
ZONE = Location("de8bcd8f-0c12-4b9f-87fe-f84500055f48", "adv", "cs-adv-a", "cs-adv-a", "cs-adv", advanced=True)
NETWORKS = {"6a57d3a0-56c5-4619-a5f1-d443cc8c17b2": ("global/networks/n1", "regions/cs-adv/subnetworks/s1")}


def link(path: str) -> str:
    return f"https://h/{path}"


def view(facts: dict[str, Any] | None = None, location: Location = ZONE, **changed: Any) -> dict[str, Any]:
    machine = msgspec.structs.replace(msgspec.json.decode(MACHINE, type=VirtualMachine), **changed)
    disk = AttachedDisk(msgspec.json.decode(ROOT, type=Volume), "iso-vm1", {})
    return to_gce(View(machine, "vm1", facts or {}, [disk], location, "small-instance", NETWORKS), link)


def test_a_machine_made_in_cloudstack() -> None:
    """A machine of which only CloudStack knows is a whole Instance by Google's schema."""
    shown = view()
    assert violations("Instance", with_kinds("Instance", shown)) == []
    assert shown["status"] == "RUNNING"
    assert shown["creationTimestamp"] == "2026-11-22T13:43:02.000+00:00"
    assert shown["machineType"] == "https://h/zones/cs-adv-a/machineTypes/small-instance"
    assert shown["labels"] == {"env": "prod"}
    assert "items" not in shown["metadata"]
    assert shown["metadata"]["fingerprint"]


def test_interfaces() -> None:
    """The default interface is nic0, with its network's links and its static NAT as external address."""
    first, second = view()["networkInterfaces"]
    assert (first["name"], first["networkIP"]) == ("nic0", "10.50.0.35")
    assert first["network"] == "https://h/global/networks/n1"
    assert first["subnetwork"] == "https://h/regions/cs-adv/subnetworks/s1"
    assert [config["natIP"] for config in first["accessConfigs"]] == ["192.168.2.5"]
    assert (second["name"], second["network"]) == ("nic1", "https://h/global/networks/iso2")
    assert "accessConfigs" not in second


@pytest.mark.parametrize(
    ("facts", "address"),
    [({}, "10.50.0.35"), ({"external": "ext"}, "10.50.0.35"), ({"external": ""}, None)],
)
def test_external_address_with_security_groups(facts: dict[str, Any], address: str | None) -> None:
    """With security groups the guest address is the external one, unless none was asked for."""
    machine = msgspec.json.decode(MACHINE, type=VirtualMachine)
    nic = msgspec.structs.replace(machine.nic[1], publicip="", publicipid="")
    configs = view(facts, Location(ZONE.id, "b", "b-b-a", "b-b-a", "b-b", security_groups=True), nic=(nic,))[
        "networkInterfaces"
    ][0].get("accessConfigs", [])
    assert [config["natIP"] for config in configs] == ([address] if address else [])


def test_facts_come_back() -> None:
    """What CloudStack has no place for is shown as it was sent."""
    facts = {
        "description": "mine",
        "tags": ["web"],
        "metadata": {"color": "blue"},
        "kept": {"scheduling": {"automaticRestart": False}, "minCpuPlatform": "Intel Haswell"},
        "network": "global/networks/other",
        "external": "",
    }
    shown = view(facts)
    assert (shown["description"], shown["tags"]["items"]) == ("mine", ["web"])
    assert shown["metadata"]["items"] == [{"key": "color", "value": "blue"}]
    assert shown["scheduling"] == {
        "onHostMaintenance": "MIGRATE",
        "automaticRestart": False,
        "preemptible": False,
        "provisioningModel": "STANDARD",
    }
    assert shown["minCpuPlatform"] == "Intel Haswell"
    assert shown["networkInterfaces"][0]["network"] == "https://h/global/networks/other"


@pytest.mark.parametrize(
    ("state", "status"),
    [("Starting", "STAGING"), ("Stopping", "STOPPING"), ("Stopped", "TERMINATED"), ("Odd", "REPAIRING")],
)
def test_statuses(state: str, status: str) -> None:
    """Every state of CloudStack's is a status of Google's enumeration."""
    shown = view(state=state)
    assert shown["status"] == status
    assert violations("Instance", with_kinds("Instance", shown)) == []


def test_a_failed_machine_says_so() -> None:
    """A machine in CloudStack's state Error can be seen, and deleted, and says what it is."""
    shown = view(state="Error", nic=())
    assert (shown["status"], "Error" in shown["statusMessage"]) == ("TERMINATED", True)
    assert "networkInterfaces" not in shown


def test_fingerprint_is_of_the_content() -> None:
    """An instance's fingerprint changes with its content, not with its state."""
    assert view()["fingerprint"] == view(state="Stopped")["fingerprint"]
    assert view()["fingerprint"] != view({"description": "x"})["fingerprint"]


def test_disks() -> None:
    """The boot disk comes first and goes with the machine; data disks follow by device number and stay."""
    root = AttachedDisk(msgspec.json.decode(ROOT, type=Volume), "vm1", {})
    late = AttachedDisk(Volume(id="b", type="DATADISK", deviceid=2), "b", {})
    early = AttachedDisk(Volume(id="c", type="DATADISK", deviceid=1), "c", {"auto_delete": True, "device_name": "db"})
    disks = ordered([late, early, root])
    assert [disk.name for disk in disks] == ["vm1", "c", "b"]
    assert [disk.auto_delete for disk in disks] == [True, True, False]
    assert [device_name(disk, index) for index, disk in enumerate(disks)] == [
        "persistent-disk-0",
        "db",
        "persistent-disk-2",
    ]
