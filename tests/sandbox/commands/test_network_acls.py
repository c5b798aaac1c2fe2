"""ACL lists of the sandbox and their items."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.networking import acl_list, tier, vpc


def test_default_lists_are_there(demo: Any) -> None:
    """Every VPC sees default_allow and default_deny after its own lists, and nobody may change them."""
    parent = vpc(demo)["id"]
    own = acl_list(demo, parent, "own")
    listed = demo.ok("listNetworkACLLists", vpcid=parent)["networkacllist"]
    assert [row["name"] for row in listed] == ["own", "default_allow", "default_deny"]
    assert listed[0]["id"] == own
    assert demo.failure("createNetworkACL", aclid=listed[1]["id"], protocol="all", number=9)[0] == 431
    assert demo.failure("deleteNetworkACLList", id=listed[2]["id"])[0] == 531


def test_items_have_defaults(demo: Any) -> None:
    """An item without number, CIDR, action and traffic type allows ingress from everywhere, numbered next."""
    acl = acl_list(demo, vpc(demo)["id"])
    demo.ok("createNetworkACL", aclid=acl, protocol="all", number=7)
    item = demo.ok("createNetworkACL", aclid=acl, protocol="tcp", startport=22, endport=22)["networkacl"]
    assert (item["number"], item["cidrlist"], item["action"]) == (8, "0.0.0.0/0", "Allow")
    assert (item["traffictype"], item["startport"], item["state"]) == ("Ingress", "22", "Active")


def test_numbers_are_unique_over_both_directions(demo: Any) -> None:
    """An egress item may not have the number of an ingress item."""
    acl = acl_list(demo, vpc(demo)["id"])
    demo.ok("createNetworkACL", aclid=acl, protocol="all", number=5, traffictype="Ingress")
    refused = demo.failure("createNetworkACL", aclid=acl, protocol="all", number=5, traffictype="Egress")
    assert refused == (431, f"ACL item with number 5 already exists in ACL: {acl}")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"protocol": "esp"}, "Invalid protocol [esp]. Expected one of: [tcp,udp,icmp,all]"),
        ({"protocol": "tcp", "number": 0}, "Invalid number [0]. Number cannot be < 1"),
        ({"protocol": "all", "cidrlist": "10.0.0.1"}, "Source cidrs formatting error 10.0.0.1"),
        (
            {"protocol": "tcp", "startport": 9, "endport": 8},
            "Start port can't be bigger than end port [startport=9,endport=8]",
        ),
    ],
)
def test_bad_items_are_refused(demo: Any, item: dict[str, Any], text: str) -> None:
    """What CloudStack cannot enforce is refused with 431 at once."""
    acl = acl_list(demo, vpc(demo)["id"])
    assert demo.failure("createNetworkACL", aclid=acl, **item) == (431, text)


def test_several_protocols_pass_as_in_cloudstack(demo: Any) -> None:
    """CloudStack stores `tcp,udp` without complaint, so the sandbox does."""
    acl = acl_list(demo, vpc(demo)["id"])
    item = demo.ok("createNetworkACL", aclid=acl, protocol="tcp,udp", startport=1, endport=2)["networkacl"]
    assert item["protocol"] == "tcp,udp"


def test_item_is_updated_and_deleted(demo: Any) -> None:
    """UpdateNetworkACLItem changes only what is given; a deleted item is gone."""
    acl = acl_list(demo, vpc(demo)["id"])
    item = demo.ok("createNetworkACL", aclid=acl, protocol="tcp", startport=1, endport=2, reason="why")["networkacl"]
    changed = demo.ok("updateNetworkACLItem", id=item["id"], action="Deny", number=40)["networkacl"]
    assert (changed["action"], changed["number"], changed["reason"]) == ("Deny", 40, "why")
    assert demo.ok("deleteNetworkACL", id=item["id"]) == {"success": True}
    assert demo.ok("listNetworkACLs", aclid=acl) == {}


def test_list_in_use_stays(demo: Any) -> None:
    """One list serves several tiers; it cannot be deleted while one uses it; it can be replaced."""
    parent = vpc(demo)["id"]
    old, new = acl_list(demo, parent, "old"), acl_list(demo, parent, "new")
    tiers = [tier(demo, parent, third, aclid=old)["id"] for third in (1, 2)]
    refused = demo.failure("deleteNetworkACLList", id=old)
    assert refused == (530, f"ACL is still associated with 2 tier(s). Cannot delete network ACL: {old}")
    for identity in tiers:
        demo.ok("replaceNetworkACLList", aclid=new, networkid=identity)
    assert demo.ok("deleteNetworkACLList", id=old) == {"success": True}
    assert demo.ok("listNetworks", id=tiers[0])["network"][0]["aclname"] == "new"


def test_list_of_another_vpc_is_refused(demo: Any) -> None:
    """A tier takes only lists of its own VPC."""
    foreign = acl_list(demo, vpc(demo, "a")["id"])
    inner = tier(demo, vpc(demo, "b")["id"])
    assert demo.failure("replaceNetworkACLList", aclid=foreign, networkid=inner["id"])[0] == 431


def test_lists_of_others_are_hidden(demo: Any, other: Any) -> None:
    """Another account sees neither a list nor its items."""
    acl = acl_list(demo, vpc(demo)["id"])
    demo.ok("createNetworkACL", aclid=acl, protocol="all", number=1)
    assert other.ok("listNetworkACLs", aclid=acl) == {}
    assert other.ok("listNetworkACLLists", id=acl) == {}
    assert other.failure("createNetworkACL", aclid=acl, protocol="all", number=2)[0] == 531


def test_list_is_renamed(demo: Any) -> None:
    """UpdateNetworkACLList changes the name."""
    parent = vpc(demo)["id"]
    acl = acl_list(demo, parent, "before")
    demo.ok("updateNetworkACLList", id=acl, name="after")
    assert demo.ok("listNetworkACLLists", id=acl)["networkacllist"][0]["name"] == "after"


def test_item_of_a_tier_without_a_list(demo: Any) -> None:
    """An item for a tier that has no list makes one for it."""
    parent = vpc(demo, "listless")["id"]
    made = tier(demo, parent)["id"]
    item = demo.ok("createNetworkACL", networkid=made, protocol="tcp", startport=1, endport=2, number=70001)
    shown = demo.ok("listNetworks", id=made)["network"][0]
    assert shown["aclname"] == item["networkacl"]["aclname"] == f"VPC_listless_Tier_tier1_ACL_{made}"


def test_item_moves_behind_another_one(demo: Any) -> None:
    """A moved item gets the next free number behind the one that it follows."""
    acl = acl_list(demo, vpc(demo)["id"])
    for number in (5, 6, 90):
        demo.ok("createNetworkACL", aclid=acl, protocol="all", number=number)
    items = {row["number"]: row["id"] for row in demo.ok("listNetworkACLs", aclid=acl)["networkacl"]}
    moved = demo.result(demo.call("moveNetworkAclItem", id=items[90], previousaclruleid=items[5])[1]["jobid"])
    assert moved["networkacl"]["number"] == 7


def test_ipv6_and_icmp_of_items(demo: Any) -> None:
    """IPv6 CIDRs are taken; ICMP types beyond 255 are 431."""
    acl = acl_list(demo, vpc(demo)["id"])
    demo.ok("createNetworkACL", aclid=acl, protocol="tcp", cidrlist="::/0")
    assert demo.failure("createNetworkACL", aclid=acl, protocol="icmp", icmptype=300, icmpcode=0)[0] == 431
