"""Public addresses of the sandbox."""

from __future__ import annotations

from typing import Any

import requests

from fixtures.networking import machine, network, tier, vpc, zone
from gstack.sandbox.server import ThreadedSandbox


def _free(client: Any) -> dict[str, Any]:
    row: dict[str, Any] = client.ok("listPublicIpAddresses", state="Free", zoneid=zone(client))["publicipaddress"][0]
    return row


def test_free_addresses_are_everybodys(demo: Any, other: Any) -> None:
    """Free addresses have no owner and are listed for every account; allocated ones for their owner only."""
    assert "account" not in _free(demo)
    assert _free(demo)["id"] == _free(other)["id"]
    taken = demo.ok("associateIpAddress", vpcid=vpc(demo)["id"])["ipaddress"]
    assert other.ok("listPublicIpAddresses", id=taken["id"]) == {}


def test_reserved_address_belongs_to_its_account(demo: Any, other: Any) -> None:
    """A reserved address is listed with state=Reserved only, and nobody else may have it."""
    row = _free(demo)
    assert demo.ok("reserveIpAddress", id=row["id"])["ipaddress"]["state"] == "Reserved"
    assert demo.ok("listPublicIpAddresses", id=row["id"]) == {}
    assert demo.ok("listPublicIpAddresses", id=row["id"], state="Reserved")["count"] == 1
    assert other.ok("listPublicIpAddresses", state="Reserved") == {}
    assert other.failure("reserveIpAddress", id=row["id"])[0] == 431
    parent = vpc(other)["id"]
    assert other.failure("associateIpAddress", vpcid=parent, ipaddress=row["ipaddress"])[0] == 533
    assert other.failure("releaseIpAddress", id=row["id"])[0] == 531
    assert demo.ok("releaseIpAddress", id=row["id"]) == {"success": True}
    assert _free(demo)["id"] == row["id"]


def test_reserved_address_is_associated_with_its_tags(demo: Any) -> None:
    """A reserved address keeps its id and tags when it joins a VPC; disassociating makes it Free without tags."""
    row = _free(demo)
    demo.ok("reserveIpAddress", id=row["id"])
    tag = {"tags__key": "name", "tags__value": "web"}
    demo.ok("createTags", resourcetype="PublicIpAddress", resourceids=row["id"], **tag)
    joined = demo.ok("associateIpAddress", vpcid=vpc(demo)["id"], ipaddress=row["ipaddress"])["ipaddress"]
    assert (joined["id"], joined["state"], joined["tags"][0]["value"]) == (row["id"], "Allocated", "web")
    demo.ok("disassociateIpAddress", id=row["id"])
    again = demo.ok("listPublicIpAddresses", id=row["id"], state="Free")["publicipaddress"][0]
    assert again["tags"] == []


def test_associated_address_stays_where_it_is(demo: Any) -> None:
    """An associated address cannot be reserved (431), released (431) or moved to another VPC (533)."""
    row = demo.ok("associateIpAddress", vpcid=vpc(demo, "a")["id"])["ipaddress"]
    assert demo.failure("reserveIpAddress", id=row["id"])[0] == 431
    text = "Unable to release a public IP in Allocated state, please use disassociateIpAddress instead"
    assert demo.failure("releaseIpAddress", id=row["id"]) == (431, text)
    elsewhere = vpc(demo, "b")["id"]
    assert demo.failure("associateIpAddress", vpcid=elsewhere, ipaddress=row["ipaddress"])[0] == 533


def test_first_address_of_an_isolated_network_is_its_source_nat(demo: Any) -> None:
    """The first address of an isolated network does source NAT and cannot be disassociated; the next one can."""
    made = network(demo, "nat", gateway="10.70.0.1", netmask="255.255.255.0")
    first = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]
    second = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]
    assert (first["issourcenat"], second["issourcenat"]) == (True, False)
    assert (first["state"], first["associatednetworkname"]) == ("Allocating", "nat")
    assert demo.failure("disassociateIpAddress", id=first["id"])[0] == 431
    assert demo.ok("disassociateIpAddress", id=second["id"]) == {"success": True}
    listed = demo.ok("listPublicIpAddresses", associatednetworkid=made["id"])["publicipaddress"]
    assert [(row["id"], row["state"]) for row in listed] == [(first["id"], "Allocated")]


def test_zone_alone_is_ambiguous_with_two_networks(other: Any) -> None:
    """Naming only the zone works as long as the account has at most one isolated network there."""
    first = other.ok("associateIpAddress", zoneid=zone(other))["ipaddress"]
    assert first["associatednetworkname"] == "other-network"
    network(other, "second")
    text = "Account has more than one isolated Network in the zone"
    assert other.failure("associateIpAddress", zoneid=zone(other)) == (431, text)


def test_disassociating_drops_static_nat(demo: Any) -> None:
    """An address with static NAT and rules can be disassociated; the machine is without an address then."""
    inner = tier(demo, (parent := vpc(demo)["id"]))
    served = machine(demo, "natted", networkids=inner["id"])
    row = demo.ok("associateIpAddress", vpcid=parent)["ipaddress"]
    demo.ok("enableStaticNat", ipaddressid=row["id"], virtualmachineid=served["id"], networkid=inner["id"])
    demo.ok("disassociateIpAddress", id=row["id"])
    assert "publicip" not in demo.ok("listVirtualMachines", id=served["id"])["virtualmachine"][0]


def test_update_shows_the_address(demo: Any) -> None:
    """The command updateIpAddress answers the address."""
    row = demo.ok("associateIpAddress", vpcid=vpc(demo)["id"])["ipaddress"]
    assert demo.ok("updateIpAddress", id=row["id"])["ipaddress"]["ipaddress"] == row["ipaddress"]


def test_failed_job_gives_the_address_back(demo: Any, server: ThreadedSandbox) -> None:
    """An address whose association failed is Free again."""
    parent, row = vpc(demo)["id"], _free(demo)
    fault = {"command": "associateIpAddress", "kind": "job_failed", "count": 1, "errorcode": 530, "errortext": "no"}
    requests.post(server.url.replace("/client/api", "/faults"), json=fault, timeout=10)
    assert demo.failure("associateIpAddress", vpcid=parent, ipaddress=row["ipaddress"]) == (530, "no")
    assert _free(demo)["id"] == row["id"]
