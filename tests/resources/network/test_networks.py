"""networks."""

from fixtures.gce import Gce
from fixtures.instances import Ask, ask
from fixtures.networking import BASIC, EAST

__all__ = ["ask"]
DEFAULT = "global/networks/default"


def test_default_is_always_there(gce: Gce) -> None:
    """The network `default` is shown before anything exists, with a subnetwork in every region."""
    default = gce.get(DEFAULT)
    assert default["selfLink"] == f"{gce.base}/projects/demo/{DEFAULT}"
    assert default["autoCreateSubnetworks"] is True
    assert {link.split("/regions/")[1] for link in default["subnetworks"]} == {
        "sandbox-simulator/subnetworks/default",
        "sandbox-east1/subnetworks/default",
        "sandbox-west1/subnetworks/default",
    }
    assert default in gce.items("global/networks")


def test_get_by_id(gce: Gce) -> None:
    """A network can be read by its numeric id."""
    default = gce.get(DEFAULT)
    assert gce.get(f"global/networks/{default['id']}") == default


def test_unknown_is_404(gce: Gce) -> None:
    """A network that is not there is not found, in Google's words."""
    refused = gce.refused("GET", "global/networks/nope", 404)
    assert refused["message"] == "The resource 'projects/demo/global/networks/nope' was not found"


def test_what_was_made_in_cloudstack_is_shown(gce: Gce, other: Gce, ask: Ask) -> None:
    """A VPC is shown as a network of its name, an isolated network as a legacy one; another account sees neither."""
    zone = next(one["id"] for one in ask("listZones")["zone"] if one["name"] == EAST)
    offering = ask("listVPCOfferings", name="Default VPC offering")["vpcoffering"][0]["id"]
    ask("createVPC", zoneid=zone, vpcofferingid=offering, name="Prod Net", displaytext="by hand", cidr="172.16.0.0/12")
    name = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    isolated = ask("listNetworkOfferings", name=name)["networkoffering"][0]["id"]
    place = {"gateway": "10.77.0.1", "netmask": "255.255.255.0"}
    ask("createNetwork", zoneid=zone, networkofferingid=isolated, name="old", displaytext="old", **place)
    prod, old = gce.get("global/networks/prod-net"), gce.get("global/networks/old")
    assert (prod["description"], prod["autoCreateSubnetworks"]) == ("by hand", False)
    assert (old["IPv4Range"], old["gatewayIPv4"]) == ("10.77.0.0/24", "10.77.0.1")
    assert "subnetworks" not in old
    assert {one["name"] for one in gce.items("global/networks", filter="name eq (prod.*|old)")} == {"prod-net", "old"}
    assert [one["name"] for one in other.items("global/networks")] == ["default"]


def test_a_filter_on_nothing(gce: Gce) -> None:
    """A list without results has no items."""
    assert "items" not in gce.get("global/networks", filter="name eq nope")


def test_guest_networks_of_basic_zones_are_no_networks(gce: Gce) -> None:
    """The shared guest network of a zone with security groups is behind `default`, not a network beside it."""
    names = {network["name"] for network in gce.items("global/networks")}
    assert not any(BASIC.lower() in name for name in names)
