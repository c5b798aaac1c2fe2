"""Static NAT in the sandbox."""

from __future__ import annotations

from typing import Any

from fixtures.networking import machine, network, tier, vpc


def test_address_stands_for_a_machine(demo: Any) -> None:
    """An address with static NAT shows its machine, and the machine shows the address."""
    made = network(demo, "net", gateway="10.80.0.1", netmask="255.255.255.0")
    served = machine(demo, "nat-1", networkids=made["id"])
    row = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]
    assert demo.ok("enableStaticNat", ipaddressid=row["id"], virtualmachineid=served["id"]) == {"success": True}
    listed = demo.ok("listPublicIpAddresses", id=row["id"])["publicipaddress"][0]
    assert (listed["isstaticnat"], listed["virtualmachineid"]) == (True, served["id"])
    assert listed["vmipaddress"] == served["nic"][0]["ipaddress"]
    seen = demo.ok("listVirtualMachines", id=served["id"])["virtualmachine"][0]
    assert (seen["publicip"], seen["nic"][0]["publicip"]) == (row["ipaddress"], row["ipaddress"])


def test_one_machine_has_one_address(demo: Any) -> None:
    """A second address for a machine, and a second machine for an address, are conflicts (537)."""
    made = network(demo, "net", gateway="10.81.0.1", netmask="255.255.255.0")
    one, two = (machine(demo, f"one-{number}", networkids=made["id"])["id"] for number in (1, 2))
    first, second = (demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]["id"] for _ in range(2))
    demo.ok("enableStaticNat", ipaddressid=first, virtualmachineid=one)
    assert demo.failure("enableStaticNat", ipaddressid=first, virtualmachineid=two)[0] == 537
    assert demo.failure("enableStaticNat", ipaddressid=second, virtualmachineid=one)[0] == 537


def test_vpc_needs_the_tier(demo: Any) -> None:
    """In a VPC the tier must be named, and the machine be on it."""
    parent = vpc(demo)["id"]
    inner, empty = tier(demo, parent, 1), tier(demo, parent, 2)
    served = machine(demo, "tiered", networkids=inner["id"])["id"]
    row = demo.ok("associateIpAddress", vpcid=parent)["ipaddress"]["id"]
    code, text = demo.failure("enableStaticNat", ipaddressid=row, virtualmachineid=served)
    assert (code, text.endswith("no networkId is passed in")) == (431, True)
    where = {"ipaddressid": row, "virtualmachineid": served}
    assert demo.failure("enableStaticNat", networkid=empty["id"], **where)[0] == 431
    assert demo.ok("enableStaticNat", networkid=inner["id"], **where) == {"success": True}


def test_disabling_drops_the_firewall_rules(demo: Any) -> None:
    """Disabling static NAT deletes the firewall rules of the address; a second time is refused."""
    made = network(demo, "net", gateway="10.82.0.1", netmask="255.255.255.0")
    served = machine(demo, "ruled", networkids=made["id"])["id"]
    row = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]["id"]
    demo.ok("enableStaticNat", ipaddressid=row, virtualmachineid=served)
    demo.ok("createFirewallRule", ipaddressid=row, protocol="tcp", startport=22, endport=22)
    assert demo.ok("disableStaticNat", ipaddressid=row) == {"success": True}
    assert demo.ok("listFirewallRules", ipaddressid=row) == {}
    text = "Specified IP address id is not associated with any vm Id"
    assert demo.failure("disableStaticNat", ipaddressid=row) == (431, text)


def test_destroyed_machine_keeps_its_address(demo: Any) -> None:
    """Static NAT stays with a destroyed machine until the machine is expunged."""
    made = network(demo, "net", gateway="10.83.0.1", netmask="255.255.255.0")
    served = machine(demo, "gone", networkids=made["id"])["id"]
    row = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]["id"]
    demo.ok("enableStaticNat", ipaddressid=row, virtualmachineid=served)
    demo.ok("destroyVirtualMachine", id=served)
    assert demo.ok("listPublicIpAddresses", id=row)["publicipaddress"][0]["virtualmachineid"] == served


def test_source_nat_and_foreign_addresses_are_refused(demo: Any, other: Any) -> None:
    """Neither the source NAT address of a network nor somebody else's address takes static NAT."""
    made = network(demo, "net", gateway="10.84.0.1", netmask="255.255.255.0")
    served = machine(demo, "plain", networkids=made["id"])["id"]
    row = demo.ok("listPublicIpAddresses", associatednetworkid=made["id"])["publicipaddress"][0]
    assert demo.failure("enableStaticNat", ipaddressid=row["id"], virtualmachineid=served)[0] == 431
    assert other.failure("enableStaticNat", ipaddressid=row["id"], virtualmachineid=served)[0] == 531
