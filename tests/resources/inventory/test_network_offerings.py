"""Which offerings this server uses for new VPCs, tiers and L2 networks."""

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE
from gstack.resources.inventory.network_offerings import NetworkOffering, OfferedService, Provider

NEEDED = ("Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "NetworkACL")


def offering(provider: str, *services: str) -> NetworkOffering:
    return NetworkOffering("o1", service=tuple(OfferedService(name, (Provider(provider),)) for name in services))


def test_a_router_must_provide_what_instances_need() -> None:
    """An offering fits if the virtual router of a VPC provides every service that instances need."""
    assert offering("VpcVirtualRouter", *NEEDED, "Lb").fits_vpcs
    assert not offering("VpcVirtualRouter", *NEEDED[:-1]).fits_vpcs
    assert not offering("VirtualRouter", *NEEDED).fits_vpcs


def test_of_l2_networks(gce: Gce, ask: Ask) -> None:
    """The network that a disk of an image is made in is an L2 network without a VLAN of its own."""
    source = "projects/debian-cloud/global/images/family/debian-12"
    gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "of-image", "sourceImage": source}))
    spare = next(one for one in ask("listNetworks")["network"] if one["name"] == "gstack-spare")
    shown = ask("listNetworkOfferings", id=spare["networkofferingid"])["networkoffering"][0]
    assert (shown["guestiptype"], shown["specifyvlan"]) == ("L2", False)
