"""Guest networks of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.networking import BASIC, ISOLATED, L2, TIER, machine, network, offering, tier, vpc, zone


def test_network_is_made_and_listed(demo: Any) -> None:
    """A new isolated network is Allocated, with its addresses and services, and is listed newest first."""
    made = network(demo, "first", gateway="10.50.0.1", netmask="255.255.255.0")
    assert (made["cidr"], made["state"], made["type"]) == ("10.50.0.0/24", "Allocated", "Isolated")
    assert {"SourceNat", "Firewall", "StaticNat"} <= {service["name"] for service in made["service"]}
    later = network(demo, "second")
    listed = [row["id"] for row in demo.ok("listNetworks")["network"]]
    assert listed.index(later["id"]) < listed.index(made["id"])


def test_shared_network_is_everybodys(demo: Any, other: Any) -> None:
    """The guest network of the Basic zone is listed for every account, in state Setup."""
    seen = [client.ok("listNetworks", zoneid=zone(client, BASIC))["network"] for client in (demo, other)]
    assert seen[0][0]["id"] == seen[1][0]["id"]
    assert (seen[0][0]["state"], seen[0][0]["acltype"]) == ("Setup", "Domain")


def test_networks_of_others_are_hidden(demo: Any, other: Any) -> None:
    """Another account cannot list or delete a network."""
    made = network(demo, "private")
    assert other.ok("listNetworks", id=made["id"]) == {}
    assert other.failure("deleteNetwork", id=made["id"])[0] == 531


def test_shared_network_cannot_be_deleted(demo: Any) -> None:
    """A user may not delete the guest network that the administrator made."""
    shared = demo.ok("listNetworks", zoneid=zone(demo, BASIC))["network"][0]
    assert demo.failure("deleteNetwork", id=shared["id"])[0] == 531


@pytest.mark.parametrize(
    ("gateway", "netmask", "text"),
    [
        ("10.50.0.1", "255.0.255.0", "Invalid gateway IP provided. Either the IP is broadcast or network IP."),
        ("10.50.0.0", "255.255.255.0", "Invalid gateway IP provided. Either the IP is broadcast or network IP."),
        ("10.50.0.1", "255.255.0.0", "Cidr size can't be less than 22"),
        ("8.8.8.1", "255.255.255.0", "Virtual Guest Cidr 8.8.8.0/24 is not RFC 1918 or 6598 compliant"),
        ("ten", "255.255.255.0", "Invalid gateway ip"),
    ],
)
def test_bad_addresses_are_refused(demo: Any, gateway: str, netmask: str, text: str) -> None:
    """A network that is public or has more than 1,022 hosts is 431."""
    where = {"zoneid": zone(demo), "networkofferingid": offering(demo, ISOLATED)}
    refused = demo.failure("createNetwork", name="bad", gateway=gateway, netmask=netmask, **where)
    assert refused == (431, text)


def test_tier_needs_its_vpc(demo: Any) -> None:
    """A VPC offering is for VPCs only, and the other offerings are not for them."""
    assert demo.failure("createNetwork", name="x", zoneid=zone(demo), networkofferingid=offering(demo, TIER))[0] == 431
    where = {"zoneid": zone(demo), "networkofferingid": offering(demo, ISOLATED), "vpcid": vpc(demo)["id"]}
    assert demo.failure("createNetwork", name="x", **where)[0] == 431


def test_tiers_lie_apart_within_their_vpc(demo: Any) -> None:
    """A tier outside of its VPC, or across another tier, is refused; a good one needs no ACL list."""
    parent = vpc(demo, cidr="10.0.0.0/16")
    assert "aclname" not in tier(demo, parent["id"])
    where = {"zoneid": zone(demo), "networkofferingid": offering(demo, TIER), "vpcid": parent["id"]}
    across = demo.failure("createNetwork", name="x", gateway="10.0.0.1", netmask="255.255.252.0", **where)
    assert across[0] == 431
    assert "crosses other network cidr 10.0.1.0/24" in across[1]
    outside = demo.failure("createNetwork", name="x", gateway="10.9.0.1", netmask="255.255.255.0", **where)
    assert "is not within vpc" in outside[1]


def test_network_in_use_stays(demo: Any) -> None:
    """A network with a machine cannot be deleted, and not with a destroyed one either; an empty one can."""
    made = network(demo, "used", gateway="10.60.0.1", netmask="255.255.255.0")
    held = machine(demo, "holder", networkids=made["id"])
    assert demo.failure("deleteNetwork", id=made["id"]) == (530, "Failed to delete network")
    demo.ok("destroyVirtualMachine", id=held["id"])
    assert demo.failure("deleteNetwork", id=made["id"]) == (530, "Failed to delete network")
    empty = network(demo, "empty")
    assert demo.ok("deleteNetwork", id=empty["id"]) == {"success": True}
    assert demo.ok("listNetworks", id=empty["id"]) == {}
    assert demo.failure("deleteNetwork", id=empty["id"])[0] == 431


def test_deleting_a_network_frees_its_addresses(demo: Any) -> None:
    """The public addresses of a deleted network are Free again."""
    made = network(demo, "short-lived")
    taken = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]
    demo.ok("deleteNetwork", id=made["id"])
    free = demo.ok("listPublicIpAddresses", state="Free", allocatedonly="false", ipaddress=taken["ipaddress"])
    assert free["publicipaddress"][0]["id"] == taken["id"]


def test_network_is_updated_and_restarted(demo: Any) -> None:
    """UpdateNetwork changes the name and the text; restartNetwork succeeds."""
    made = network(demo, "old")
    changed = demo.ok("updateNetwork", id=made["id"], name="new", displaytext="new text")["network"]
    assert (changed["name"], changed["displaytext"]) == ("new", "new text")
    assert demo.ok("restartNetwork", id=made["id"]) == {"success": True}


def test_l2_network_has_no_addresses(demo: Any) -> None:
    """An L2 network has neither gateway nor services."""
    made = network(demo, "l2", L2)
    assert made["service"] == []
    assert "gateway" not in made


def test_lists_are_narrowed(demo: Any) -> None:
    """ListNetworks keeps to a VPC, a type, and networks for VPCs or not."""
    parent = vpc(demo)
    made = tier(demo, parent["id"], third=7)
    assert [row["id"] for row in demo.ok("listNetworks", vpcid=parent["id"])["network"]] == [made["id"]]
    assert all("vpcid" in row for row in demo.ok("listNetworks", forvpc="true")["network"])
    assert {row["type"] for row in demo.ok("listNetworks", type="Shared")["network"]} == {"Shared"}


def test_networks_of_a_project_are_its_own(demo: Any, other: Any) -> None:
    """A network made for a project is listed with its id (or -1) only, and by its members only."""
    project = demo.ok("createProject", name="netproject", displaytext="x")["project"]["id"]
    made = network(demo, "shared", projectid=project)
    assert (made["project"], "account" in made) == ("netproject", False)
    assert demo.ok("listNetworks", id=made["id"]) == {}
    for projectid in (project, "-1"):
        assert demo.ok("listNetworks", id=made["id"], projectid=projectid)["count"] == 1
    assert other.failure("listNetworks", id=made["id"], projectid=project)[0] == 432
    address = demo.ok("associateIpAddress", networkid=made["id"])["ipaddress"]
    assert address["project"] == "netproject"
    assert demo.ok("deleteNetwork", id=made["id"]) == {"success": True}


def test_host_names_are_unique_among_the_tiers_of_a_vpc(demo: Any) -> None:
    """A second machine of a name is refused in the other tier, after the first was destroyed too."""
    parent = vpc(demo)["id"]
    first, second = (tier(demo, parent, third)["id"] for third in (1, 2))
    taken = machine(demo, "only-one", networkids=first)
    demo.ok("destroyVirtualMachine", id=taken["id"])
    template = demo.ok("listTemplates", templatefilter="executable")["template"][0]["id"]
    sizes = demo.ok("listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    where = {"zoneid": zone(demo), "templateid": template, "serviceofferingid": sizes, "networkids": second}
    assert demo.failure("deployVirtualMachine", name="only-one", **where)[0] in (431, 530)


def test_vpc_has_three_tiers(demo: Any) -> None:
    """The fourth tier of a VPC is a bare 530: CloudStack does not tell the reason."""
    parent = vpc(demo)["id"]
    for third in (1, 2, 3):
        tier(demo, parent, third)
    where = {"zoneid": zone(demo), "networkofferingid": offering(demo, TIER), "vpcid": parent}
    code, text = demo.failure("createNetwork", name="x", gateway="10.0.4.1", netmask="255.255.255.0", **where)
    assert (code, text.startswith("Internal error")) == (530, True)


def test_guest_cidr_narrows_and_cidr_does_nothing(demo: Any) -> None:
    """`guestvmcidr` reserves the rest of the network; `cidr` ends well and changes nothing."""
    made = network(demo, "narrow", gateway="10.77.0.1", netmask="255.255.255.0")["id"]
    assert demo.ok("updateNetwork", id=made, cidr="10.77.0.0/23")["network"]["cidr"] == "10.77.0.0/24"
    narrow = demo.ok("updateNetwork", id=made, guestvmcidr="10.77.0.0/25")["network"]
    assert (narrow["cidr"], narrow["networkcidr"]) == ("10.77.0.0/25", "10.77.0.0/24")
    assert narrow["reservediprange"] == "10.77.0.127-10.77.0.254"
    assert demo.failure("updateNetwork", id=made, guestvmcidr="10.78.0.0/25")[0] == 431
