"""CloudStack's networks and VPCs as GCE networks."""

from ipaddress import IPv4Network

import pytest

from gstack.resources.inventory.networks import (
    AUTO_RANGE,
    GROUPS,
    ISOLATED,
    SHARED,
    VPC,
    Backing,
    GuestNetwork,
    Networks,
    Service,
    Vpc,
    build,
    enclosing_block,
    planned_range,
)
from gstack.resources.inventory.zones import Location, Locations

BASIC = Location("z-basic", "Old", "Old", "cs-old-a", "cs-old", security_groups=True)
EAST = Location("z-east", "cs-east-a", "cs-east-a", "cs-east-a", "cs-east", advanced=True)
WEST = Location("z-west", "cs-west-a", "cs-west-a", "cs-west-a", "cs-west", advanced=True)
EVERYWHERE = Locations([BASIC, EAST, WEST])
GUEST = GuestNetwork("g1", "guest", "z-basic", "Shared", cidr="60.1.0.0/16", service=(Service("SecurityGroup"),))


def tier(
    uuid: str, name: str, vpc: str, zone: str = "z-east", cidr: str = "10.1.0.0/24", acl: str = ""
) -> GuestNetwork:
    return GuestNetwork(uuid, name, zone, "Isolated", cidr=cidr, vpcid=vpc, aclname=acl, created=uuid)


def networks(*guests: GuestNetwork, vpcs: tuple[Vpc, ...] = ()) -> Networks:
    return build(vpcs, guests, EVERYWHERE, "owner")


def test_default_is_there_before_anything_is() -> None:
    """The network `default` has a subnetwork in every region: the guest network where the zone has security groups."""
    nothing = networks(GUEST)
    assert [network.name for network in nothing.all] == ["default"]
    shown = {one.location.region: (one.network_id, one.cidr) for one in nothing.subnetworks}
    assert shown["cs-old"] == ("g1", "60.1.0.0/16")
    assert shown["cs-east"][0] == shown["cs-west"][0] == ""
    assert shown["cs-east"][1] != shown["cs-west"][1]


def test_vpcs_of_one_name_are_one_network() -> None:
    """A network is global: its VPCs in two zones are its backings, their tiers its subnetworks."""
    vpcs = (Vpc("v1", "prod", "z-east", "10.0.0.0/8"), Vpc("v2", "prod", "z-west", "10.0.0.0/8"))
    found = networks(tier("t1", "web", "v1", acl="gce-prod"), tier("t2", "db", "v2", "z-west", acl="hand"), vpcs=vpcs)
    prod = found.network("prod")
    assert prod
    assert [(b.kind, b.vpc_id, b.ours) for b in prod.backings] == [(VPC, "v1", True), (VPC, "v2", False)]
    assert [one.path for one in found.subnetworks_of(prod)] == [
        "regions/cs-east/subnetworks/web",
        "regions/cs-west/subnetworks/db",
    ]


def test_the_second_vpc_of_a_name_in_one_zone_gets_a_suffix() -> None:
    """The older VPC keeps the name, whatever the order in which CloudStack lists them."""
    young, old = Vpc("v1", "prod", "z-east", created="2026-02"), Vpc("v2", "prod", "z-east", created="2026-01")
    for vpcs in ((young, old), (old, young)):
        found = networks(vpcs=vpcs).network("prod")
        assert found
        assert [backing.vpc_id for backing in found.backings] == ["v2"]


def test_a_created_default_is_the_planned_one() -> None:
    """The `default` subnetwork keeps its id when its tier is created, and then has the range of the tier."""
    before = networks(GUEST).subnetwork("cs-east", "default")
    vpc = Vpc("v1", "default", "z-east", "10.0.0.0/8")
    after = networks(tier("t1", "default", "v1", acl="gce-default"), vpcs=(vpc,)).subnetwork("cs-east", "default")
    assert before
    assert after
    assert (after.key, after.network_id, after.cidr) == (before.key, "t1", "10.1.0.0/24")


def test_names_of_two_things_are_told_apart() -> None:
    """Two tiers of one name in one region get two names, and `default` stays with the network `default`."""
    vpcs = (Vpc("v1", "default", "z-east"), Vpc("v2", "prod", "z-east"))
    found = networks(tier("t1", "default", "v2"), tier("t2", "web", "v2"), tier("t3", "web", "v1"), vpcs=vpcs)
    names = {one.network_id: one.name for one in found.subnetworks if one.location is EAST}
    assert names.pop("") == "default"
    assert names.pop("t3") == "web"
    assert all(name.startswith(("web-", "default-")) for name in names.values())


def test_networks_without_vpc() -> None:
    """An isolated network is a legacy network, a shared one has a subnetwork, and tools of the server are hidden."""
    isolated = GuestNetwork("i1", "Old Net", "z-east", "Isolated", cidr="10.2.0.0/24", gateway="10.2.0.1")
    shared = GuestNetwork("s1", "office", "z-east", "Shared", cidr="10.3.0.0/24")
    spare = GuestNetwork("l1", "gstack-spare", "z-east", "L2")
    layer2 = GuestNetwork("l2", "default", "z-east", "L2")
    found = networks(isolated, shared, spare, layer2)
    old = found.network("old-net")
    assert old
    assert (old.legacy_range, old.legacy_gateway, old.backings[0].kind) == ("10.2.0.0/24", "10.2.0.1", ISOLATED)
    assert found.subnetworks_of(old) == []
    office = found.network("office")
    assert office
    assert (office.backings[0].kind, found.paths("s1")) == (SHARED, (office.path, "regions/cs-east/subnetworks/office"))
    assert found.paths("i1") == ("global/networks/old-net", None)
    assert {network.name[:8] for network in found.all} == {"default", "default-", "office", "old-net"}


def test_public_addresses_belong_to_the_vpc_or_the_isolated_network() -> None:
    """The addresses of a tier belong to its VPC; a shared network has none."""
    assert tier("t1", "web", "v1").place == {"vpcid": "v1"}
    assert GuestNetwork("i1", "old", "z-east", "Isolated").place == {"networkid": "i1"}
    assert GUEST.place == {}


def test_zones_with_security_groups_back_the_default_network() -> None:
    """There the shared guest network stands for the network `default`."""
    default = networks(GUEST).network("default")
    assert default
    backing = default.backing(BASIC)
    assert backing
    assert (backing.kind, backing.network_id) == (GROUPS, "g1")
    assert default.backing(EAST) is None


@pytest.mark.parametrize("region", ["cs-east", "cs-west", "sandbox-east1"])
def test_planned_ranges_are_google_s(region: str) -> None:
    """A planned range is a /22 in Google's auto range, and a region always gets the same one."""
    planned = IPv4Network(planned_range(region))
    assert planned.subnet_of(AUTO_RANGE)
    assert planned.prefixlen == 22
    assert str(planned) == planned_range(region)


def test_a_planned_range_fits_the_vpc_that_is_there() -> None:
    """In a VPC of other addresses, or where the range is taken, the first free /24 is planned."""
    small = Backing(VPC, EAST, "v1", "192.168.0.0/16")
    assert planned_range("cs-east", small, ["192.168.0.0/23"]) == "192.168.2.0/24"
    taken = planned_range("cs-east")
    assert planned_range("cs-east", None, [taken]) == "10.0.0.0/24"


def test_enclosing_blocks_are_private() -> None:
    """A VPC spans the whole private block, so that later subnetworks fit."""
    ranges = ("10.128.0.0/22", "172.20.0.0/24", "192.168.7.0/24")
    assert [str(enclosing_block(IPv4Network(one))) for one in ranges] == [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ]
