"""VPCs of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.networking import BASIC, tier, vpc, zone


def test_vpc_is_made_with_a_source_nat_address(demo: Any) -> None:
    """A new VPC is Enabled and holds one public address for source NAT."""
    made = vpc(demo, "made")
    assert (made["state"], made["cidr"], made["network"]) == ("Enabled", "10.0.0.0/8", [])
    addresses = demo.ok("listPublicIpAddresses", vpcid=made["id"])["publicipaddress"]
    assert [row["issourcenat"] for row in addresses] == [True]


def test_vpc_shows_its_tiers(demo: Any) -> None:
    """ListVPCs nests the tiers."""
    made = vpc(demo, "nested")
    inner = tier(demo, made["id"])
    assert [row["id"] for row in demo.ok("listVPCs", id=made["id"])["vpc"][0]["network"]] == [inner["id"]]


@pytest.mark.parametrize(
    ("cidr", "text"), [("8.8.8.0/24", "Guest Cidr 8.8.8.0/24 is not RFC1918 compliant"), ("x", "Invalid CIDR: x")]
)
def test_bad_ranges_are_refused(demo: Any, cidr: str, text: str) -> None:
    """A VPC needs a private range."""
    offering = demo.ok("listVPCOfferings")["vpcoffering"][0]["id"]
    assert demo.failure("createVPC", name="x", cidr=cidr, zoneid=zone(demo), vpcofferingid=offering) == (431, text)


def test_no_vpc_in_a_basic_zone(demo: Any) -> None:
    """A Basic zone has no VPCs."""
    where = {"zoneid": zone(demo, BASIC), "vpcofferingid": demo.ok("listVPCOfferings")["vpcoffering"][0]["id"]}
    assert demo.failure("createVPC", name="x", cidr="10.0.0.0/8", **where)[0] == 431


def test_vpc_with_tiers_stays(demo: Any) -> None:
    """A VPC goes only when its last tier has gone, and its address is free again then."""
    made = vpc(demo, "goes")
    inner = tier(demo, made["id"])
    code, text = demo.failure("deleteVPC", id=made["id"])
    assert code == 431
    assert text.endswith("as its used by 1 networks")
    demo.ok("deleteNetwork", id=inner["id"])
    assert demo.ok("deleteVPC", id=made["id"]) == {"success": True}
    assert demo.ok("listVPCs", id=made["id"]) == {}


def test_vpcs_of_others_are_hidden(demo: Any, other: Any) -> None:
    """Another account cannot list a VPC or put a tier into it."""
    made = vpc(demo, "mine")
    assert other.ok("listVPCs", id=made["id"]) == {}
    assert other.failure("deleteVPC", id=made["id"])[0] == 531


def test_vpc_is_updated_and_restarted(demo: Any) -> None:
    """UpdateVPC changes the name; restartVPC succeeds; there are no private gateways."""
    made = vpc(demo, "before")
    assert demo.ok("updateVPC", id=made["id"], name="after")["vpc"]["name"] == "after"
    assert demo.ok("restartVPC", id=made["id"]) == {"success": True}
    assert demo.ok("listPrivateGateways") == {}
