"""subnetworks."""

from ipaddress import ip_address, ip_network

import pytest

from fixtures.gce import Gce

REGIONS = ("sandbox-simulator", "sandbox-east1", "sandbox-west1")


@pytest.mark.parametrize("region", REGIONS)
def test_default_is_in_every_region(gce: Gce, region: str) -> None:
    """Every region has a subnetwork `default`, whose gateway is in its range."""
    shown = gce.get(f"regions/{region}/subnetworks/default")
    assert shown["network"] == f"{gce.base}/projects/demo/global/networks/default"
    assert shown["region"].endswith(f"/regions/{region}")
    assert ip_address(shown["gatewayAddress"]) in ip_network(shown["ipCidrRange"])
    assert gce.items(f"regions/{region}/subnetworks") == [shown]


def test_aggregated(gce: Gce) -> None:
    """The aggregated list has the subnetworks of each region under the region's key."""
    items = gce.get("aggregated/subnetworks")["items"]
    assert {key: [one["name"] for one in found["subnetworks"]] for key, found in items.items()} == {
        f"regions/{region}": ["default"] for region in REGIONS
    }


def test_ranges_do_not_overlap(gce: Gce) -> None:
    """The ranges of two regions do not overlap, as in Google's networks."""
    items = gce.get("aggregated/subnetworks")["items"].values()
    ranges = [ip_network(one["ipCidrRange"]) for found in items for one in found["subnetworks"]]
    assert not any(one.overlaps(two) for one in ranges for two in ranges if one is not two)


def test_unknown_is_404(gce: Gce) -> None:
    """A subnetwork or region that is not there is not found."""
    path = "regions/sandbox-east1/subnetworks/nope"
    assert gce.refused("GET", path, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
    assert gce.refused("GET", "regions/nope/subnetworks/default", 404)["message"].endswith(
        "regions/nope' was not found"
    )


def test_get_by_id(gce: Gce) -> None:
    """A subnetwork can be read by its numeric id."""
    shown = gce.get("regions/sandbox-east1/subnetworks/default")
    assert gce.get(f"regions/sandbox-east1/subnetworks/{shown['id']}") == shown
