"""Static routes of VPCs in the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.networking import vpc


def test_route_is_made_listed_and_deleted(demo: Any, other: Any) -> None:
    """A route is Active at the end of its job and is its owner's only."""
    parent = vpc(demo)["id"]
    sent = {"vpcid": parent, "cidr": "172.31.0.0/16", "nexthop": "10.10.0.5"}
    route = demo.ok("createStaticRoute", **sent)["staticroute"]
    assert (route["state"], route["nexthop"]) == ("Active", "10.10.0.5")
    assert [row["id"] for row in demo.ok("listStaticRoutes", vpcid=parent)["staticroute"]] == [route["id"]]
    assert other.ok("listStaticRoutes", id=route["id"]) == {}
    assert other.failure("deleteStaticRoute", id=route["id"])[0] == 531
    assert demo.ok("deleteStaticRoute", id=route["id"]) == {"success": True}


@pytest.mark.parametrize(
    ("cidr", "nexthop"),
    [
        ("10.1.0.0/16", "10.0.0.5"),
        ("172.31.0.0", "10.0.0.5"),
        ("172.31.0.0/16", "next"),
        ("172.31.0.0/16", "8.8.8.8"),
        ("0.0.0.0/0", "10.0.0.5"),
    ],
)
def test_bad_routes_are_refused(demo: Any, cidr: str, nexthop: str) -> None:
    """A route that touches the VPC itself, leads out of it or is not made of addresses is refused."""
    assert demo.failure("createStaticRoute", vpcid=vpc(demo)["id"], cidr=cidr, nexthop=nexthop)[0] == 431


def test_routes_do_not_overlap(demo: Any) -> None:
    """A route that has addresses in common with another one of its VPC is a conflict (537)."""
    parent = vpc(demo)["id"]
    demo.ok("createStaticRoute", vpcid=parent, cidr="172.16.0.0/12", nexthop="10.0.0.5")
    assert demo.failure("createStaticRoute", vpcid=parent, cidr="172.31.0.0/16", nexthop="10.0.0.6")[0] == 537
