"""A reserved address on its way to a new machine, with answers that are lost and steps that fail."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

VPC = "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


@pytest.fixture
def reserved(ask: Ask) -> Iterator[str]:
    """A public address that is reserved for the account."""
    zone = ask("listZones", name=VPC)["zone"][0]["id"]
    free = ask("listPublicIpAddresses", zoneid=zone, state="Free", allocatedonly="false")["publicipaddress"][0]
    ask("reserveIpAddress", id=free["id"])
    address: str = free["ipaddress"]
    yield address
    for held in ask("listPublicIpAddresses", ipaddress=address).get("publicipaddress", []):
        ask("disassociateIpAddress", id=held["id"])


@pytest.mark.parametrize("command", ["associateIpAddress", "enableStaticNat"])
def test_lost_answers(gce: Gce, made: Made, reserved: str, fault: Callable[..., None], command: str) -> None:
    """An answer that was lost changes nothing of the end."""
    fault(command, "lost")
    vm = made(VPC, f"vm-{command.lower()}", networkInterfaces=[{"accessConfigs": [{"natIP": reserved}]}])
    assert vm["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == reserved
    gce.done(gce.delete(f"zones/{VPC}/instances/{vm['name']}"))


def test_failure(gce: Gce, reserved: str, fault: Callable[..., None]) -> None:
    """Where the address cannot be brought to the network, the operation says why and no machine is left."""
    fault("associateIpAddress", "job_failed", errortext="No route")
    body = body_of(VPC, "vm-fails", networkInterfaces=[{"accessConfigs": [{"natIP": reserved}]}])
    operation = gce.finished(gce.post(f"zones/{VPC}/instances", body))
    assert "No route" in operation["error"]["errors"][0]["message"]
    gce.refused("GET", f"zones/{VPC}/instances/vm-fails", 404)
    gce.refused("GET", f"zones/{VPC}/disks/vm-fails", 404)
