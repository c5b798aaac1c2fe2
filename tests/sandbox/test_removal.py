"""What goes with an object when it goes."""

from __future__ import annotations

from gstack.sandbox import removal
from gstack.sandbox.world import Row, World


def _address(world: World, **fields: object) -> Row:
    row: Row = {"number": 1, "ipaddress": "192.168.2.4", "zoneid": "z", "state": "Allocated", "issourcenat": False}
    return world.put("publicip", {**row, "isstaticnat": True, "accountid": "a", **fields})


def test_freed_address_keeps_nothing() -> None:
    """A freed address has no owner, no network, no tags and no rules, but its number."""
    world = World()
    address = _address(world, associatednetworkid="n", virtualmachineid="m")
    world.put("tag", {"resourceid": address["id"], "key": "k"})
    rule = world.put("portforwardingrule", {"ipaddressid": address["id"]})
    world.put("firewallrule", {"relatedid": rule["id"], "ipaddressid": address["id"]})
    free = removal.free_address(world, address)
    assert free == {
        "id": address["id"],
        "number": 1,
        "ipaddress": "192.168.2.4",
        "zoneid": "z",
        "state": "Free",
        "issourcenat": False,
        "isstaticnat": False,
    }
    assert [world.count(kind) for kind in ("tag", "portforwardingrule", "firewallrule")] == [0, 0, 0]
    world.close()


def test_address_of_a_vpc_stays_with_it() -> None:
    """With a tier goes the static NAT of its addresses, which stay with the VPC; a network's own are freed."""
    world = World()
    tier, plain = world.put("network", {"vpcid": "v"}), world.put("network", {})
    kept = _address(world, vpcid="v", associatednetworkid=tier["id"], virtualmachineid="m")
    freed = _address(world, associatednetworkid=plain["id"])
    removal.network(world, tier)
    removal.network(world, plain)
    assert world.one("publicip", kept["id"])["vpcid"] == "v"
    assert not world.one("publicip", kept["id"])["isstaticnat"]
    assert world.one("publicip", freed["id"])["state"] == "Free"
    assert world.count("network") == 0
    world.close()


def test_expunged_machine_leaves_rules() -> None:
    """An expunged machine loses its static NAT, its port forwarding and its place in balancers."""
    world = World()
    address = _address(world, vpcid="v", associatednetworkid="n", virtualmachineid="m")
    world.put("portforwardingrule", {"virtualmachineid": "m", "ipaddressid": "b"})
    world.put("loadbalancermember", {"virtualmachineid": "m", "lbruleid": "l"})
    removal.machine(world, "m")
    assert "virtualmachineid" not in world.one("publicip", address["id"])
    assert world.count("portforwardingrule") == world.count("loadbalancermember") == 0
    world.close()
