"""Which networks and groups a machine gets when none is named."""

from __future__ import annotations

from typing import Any


def given(seeds: Any, **more: Any) -> dict[str, Any]:
    offering, template = seeds.offerings["Small Instance"], seeds.templates["debian-12-v20260101"]
    return {"serviceofferingid": offering, "templateid": template, **more}


def test_basic_zone_takes_no_networks(demo: Any, seeds: Any) -> None:
    """Naming a network in a Basic zone is 431."""
    network = demo.ok("listNetworks", zoneid=seeds.basic)["network"][0]["id"]
    assert demo.call("deployVirtualMachine", **given(seeds, zoneid=seeds.basic, networkids=network))[0] == 431


def test_default_group_in_a_security_group_zone(demo: Any, seeds: Any) -> None:
    """Without a group a machine joins `default`; in an Advanced zone it has none."""
    basic, east = seeds.machine(demo, "grouped"), seeds.machine(demo, "ungrouped", zoneid=seeds.east)
    assert [group["name"] for group in basic["securitygroup"]] == ["default"]
    assert east["securitygroup"] == []


def test_first_machine_makes_an_isolated_network(other: Any, seeds: Any) -> None:
    """An account without a network in an Advanced zone gets one, with a source NAT address."""
    machine = seeds.machine(other, "lonely", zoneid=seeds.west)
    assert (machine["nic"][0]["type"], machine["nic"][0]["networkname"]) == ("Isolated", "other-network")
    addresses = other.ok("listPublicIpAddresses", zoneid=seeds.west)["publicipaddress"]
    assert [address["issourcenat"] for address in addresses] == [True]


def test_groups_where_there_are_none(demo: Any, seeds: Any) -> None:
    """Security groups in a zone without them are 431."""
    code, _ = demo.failure("deployVirtualMachine", **given(seeds, zoneid=seeds.east, securitygroupnames="default"))
    assert code == 431
