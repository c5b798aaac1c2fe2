"""Fixed internal addresses by the front door."""

import ipaddress
from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import body_of

VPC = "sandbox-east1-a"


def test_taken_outside_and_no_address(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """An address that a machine has, one outside of the subnetwork, made yet or not, and what is none are 400s."""
    path = f"zones/{VPC}/instances"
    for address, word in (("192.0.2.7", "outside"), ("10.0.0", "IPv4")):
        body = body_of(VPC, "vm-no", networkInterfaces=[{"networkIP": address}])
        assert word in gce.refused("POST", path, 400, body)["message"]
    taken = made(VPC, "vm-has")["networkInterfaces"][0]["networkIP"]
    for address, word in ((taken, "already being used"), ("192.0.2.7", "outside")):
        body = body_of(VPC, "vm-no", networkInterfaces=[{"networkIP": address}])
        assert word in gce.refused("POST", path, 400, body)["message"]


def test_reserved_addresses(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """Nobody gets the first two or the last two addresses of a subnetwork; their neighbours are free to have."""
    made(VPC, "vm-first")
    region = gce.get(f"zones/{VPC}")["region"].rsplit("/", 1)[-1]
    network = ipaddress.IPv4Network(gce.get(f"regions/{region}/subnetworks/default")["ipCidrRange"])
    for address in (network[0], network[1], network[-2], network[-1]):
        body = body_of(VPC, "vm-no", networkInterfaces=[{"networkIP": str(address)}])
        assert "reserved" in gce.refused("POST", f"zones/{VPC}/instances", 400, body)["message"]
    vm = made(VPC, "vm-last", networkInterfaces=[{"networkIP": str(network[-3])}])
    assert vm["networkInterfaces"][0]["networkIP"] == str(network[-3])
