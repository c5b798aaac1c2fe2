"""Which network offering makes L2 networks: seen where disks are made of images."""

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE


def test_of_l2_networks(gce: Gce, ask: Ask) -> None:
    """The network that a disk of an image is made in is an L2 network without a VLAN of its own."""
    source = "projects/debian-cloud/global/images/family/debian-12"
    gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "of-image", "sourceImage": source}))
    spare = next(one for one in ask("listNetworks")["network"] if one["name"] == "gstack-spare")
    offering = ask("listNetworkOfferings", id=spare["networkofferingid"])["networkoffering"][0]
    assert (offering["guestiptype"], offering["specifyvlan"]) == ("L2", False)
