"""Fixed internal addresses by the front door."""

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
