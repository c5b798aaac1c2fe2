"""Addresses and host names on networks."""

from __future__ import annotations

from typing import Any


def test_addresses_are_the_machines_own(demo: Any, seeds: Any) -> None:
    """Two machines on one network have different addresses inside of it."""
    first, second = (seeds.machine(demo, name)["nic"][0] for name in ("one", "two"))
    assert first["ipaddress"] != second["ipaddress"]
    assert {nic["ipaddress"].rsplit(".", 2)[0] for nic in (first, second)} == {"60.1"}


def test_wanted_address(demo: Any, seeds: Any) -> None:
    """A wanted address is given once; a second machine cannot have it."""
    first = seeds.machine(demo, "wanted-1", zoneid=seeds.east, ipaddress="10.1.1.77")
    assert first["nic"][0]["ipaddress"] == "10.1.1.77"
    place = {"zoneid": seeds.east, "ipaddress": "10.1.1.77", "name": "wanted-2"}
    given = {
        "serviceofferingid": seeds.offerings["Small Instance"],
        "templateid": seeds.templates["debian-12-v20260101"],
    }
    assert demo.call("deployVirtualMachine", **place, **given)[0] == 530


def test_host_names_are_unique_on_a_shared_network(demo: Any, other: Any, seeds: Any) -> None:
    """A host name taken on a shared network is refused to another account too, whatever its case."""
    seeds.machine(demo, "taken")
    given = {
        "serviceofferingid": seeds.offerings["Small Instance"],
        "templateid": seeds.templates["debian-12-v20260101"],
    }
    code, text = other.failure("deployVirtualMachine", zoneid=seeds.basic, name="TAKEN", **given)
    assert code == 431
    assert text.startswith("The vm with hostName TAKEN already exists in the network domain")


def test_stopped_machine_is_off_its_isolated_network(demo: Any, seeds: Any) -> None:
    """A NIC on an isolated network shows its VLAN only while the machine runs."""
    machine = seeds.machine(demo, "wired", zoneid=seeds.west)
    stopped = demo.ok("stopVirtualMachine", id=machine["id"])["virtualmachine"]
    assert ("isolationuri" in machine["nic"][0], "isolationuri" in stopped["nic"][0]) == (True, False)
