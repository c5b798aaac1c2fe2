"""Access configs, and addresses of the account that they name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from gstack.resources.inventory.networks import GuestNetwork

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]
INSIDE = [{"network": "global/networks/default"}]


def _ips(ask: Ask) -> int:
    """How many addresses the account has, without those of its VPCs themselves."""
    return sum(not one["issourcenat"] for one in ask("listPublicIpAddresses").get("publicipaddress", []))


def _configs(gce: Gce, path: str) -> list[dict[str, Any]]:
    configs: list[dict[str, Any]] = gce.get(path)["networkInterfaces"][0].get("accessConfigs", [])
    return configs


@pytest.mark.parametrize("command", ["associateIpAddress", "enableStaticNat", "disassociateIpAddress"])
def test_ephemeral_address(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None], command: str) -> None:
    """An access config brings one address and takes it away, on a running machine, whichever answer is lost."""
    made(VPC, "vm-nat", networkInterfaces=INSIDE)
    path, before = f"zones/{VPC}/instances/vm-nat", _ips(ask)
    assert _configs(gce, path) == []
    fault(command, "lost")
    gce.done(gce.post(f"{path}/addAccessConfig", {"name": "External NAT"}, networkInterface="nic0"))
    (config,) = _configs(gce, path)
    assert (config["name"], config["type"], _ips(ask)) == ("External NAT", "ONE_TO_ONE_NAT", before + 1)
    asked = {"accessConfig": "External NAT", "networkInterface": "nic0"}
    gce.done(gce.post(f"{path}/deleteAccessConfig", **asked))
    assert (_configs(gce, path), _ips(ask)) == ([], before)


def test_address_that_the_account_holds(gce: Gce, ask: Ask, made: Made) -> None:
    """An address that CloudStack has in the machine's VPC is used, and stays the account's when it is let go."""
    made(VPC, "vm-nat", networkInterfaces=INSIDE)
    path = f"zones/{VPC}/instances/vm-nat"
    network = ask("listVirtualMachines", keyword="vm-nat")["virtualmachine"][0]["nic"][0]["networkid"]
    vpc = ask("listNetworks", id=network)["network"][0]["vpcid"]
    held = ask("associateIpAddress", vpcid=vpc)
    post = f"{path}/addAccessConfig"
    gce.done(gce.post(post, {"natIP": held["ipaddress"]}, networkInterface="nic0"))
    assert _configs(gce, path)[0]["natIP"] == held["ipaddress"]
    asked = {"accessConfig": "external-nat", "networkInterface": "nic0"}
    gce.done(gce.post(f"{path}/deleteAccessConfig", **asked))
    assert ask("listPublicIpAddresses", id=held["id"])["publicipaddress"][0]["isstaticnat"] is False
    free = ask("listPublicIpAddresses", state="Free", allocatedonly=False, zoneid=held["zoneid"])["publicipaddress"][0]
    ask("reserveIpAddress", id=free["id"])
    gce.done(gce.post(post, {"natIP": free["ipaddress"]}, networkInterface="nic0"))
    assert _configs(gce, path)[0]["natIP"] == free["ipaddress"]
    gce.done(gce.post(f"{path}/deleteAccessConfig", **asked))
    ask("disassociateIpAddress", id=free["id"])
    refused = gce.refused("POST", post, 400, {"natIP": "192.0.2.77"}, networkInterface="nic0")
    assert "was not found" in refused["message"]
    source = ask("listPublicIpAddresses", vpcid=vpc, issourcenat=True)["publicipaddress"][0]["ipaddress"]
    assert "in-use" in gce.refused("POST", post, 400, {"natIP": source}, networkInterface="nic0")["message"]
    ask("disassociateIpAddress", id=held["id"])


def test_failure_takes_no_address(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None]) -> None:
    """When static NAT fails nothing is taken and the machine has no access config."""
    made(VPC, "vm-nat", networkInterfaces=INSIDE)
    path, before = f"zones/{VPC}/instances/vm-nat", _ips(ask)
    fault("associateIpAddress", "job_failed", errortext="No address left")
    operation = gce.finished(gce.post(f"{path}/addAccessConfig", {}, networkInterface="nic0"))
    assert "No address left" in operation["error"]["errors"][0]["message"]
    assert (_configs(gce, path), _ips(ask)) == ([], before)


def test_where_the_guest_address_is_the_external_one(gce: Gce, made: Made) -> None:
    """With security groups an access config shows the guest address, and taking it away is refused with the reason."""
    vm = made(BASIC, "vm-nat", networkInterfaces=INSIDE)
    path = f"zones/{BASIC}/instances/vm-nat"
    assert "accessConfigs" not in vm["networkInterfaces"][0]
    other = {"natIP": "192.0.2.1"}
    assert (
        "guest address"
        in gce.refused("POST", f"{path}/addAccessConfig", 400, other, networkInterface="nic0")["message"]
    )
    gce.done(gce.post(f"{path}/addAccessConfig", {}, networkInterface="nic0"))
    assert _configs(gce, path)[0]["natIP"] == vm["networkInterfaces"][0]["networkIP"]
    asked = {"accessConfig": "external-nat", "networkInterface": "nic0"}
    refused = gce.refused("POST", f"{path}/deleteAccessConfig", 400, **asked)
    assert "cannot give another. Use firewalls to block traffic." in refused["message"]


def test_update_and_refused(gce: Gce, made: Made) -> None:
    """An update that changes nothing is DONE; what CloudStack cannot change or does not have is refused by name."""
    vm = made(VPC, "vm-nat")
    path = f"zones/{VPC}/instances/vm-nat"
    (config,) = vm["networkInterfaces"][0]["accessConfigs"]
    gce.done(gce.post(f"{path}/updateAccessConfig", config, networkInterface="nic0"))
    for body, field in (
        ({"setPublicPtr": True, "publicPtrDomainName": "a.example."}, "setPublicPtr"),
        ({"natIP": "192.0.2.9"}, "natIP"),
        ({"name": "other"}, "accessConfig"),
        ({"networkTier": "STANDARD"}, "networkTier"),
    ):
        refused = gce.refused("POST", f"{path}/updateAccessConfig", 400, body, networkInterface="nic0")
        assert field.lower() in refused["message"].lower()
    add, delete = f"{path}/addAccessConfig", f"{path}/deleteAccessConfig"
    assert "At most one" in gce.refused("POST", add, 400, {}, networkInterface="nic0")["message"]
    assert "nic0" in gce.refused("POST", add, 400, {}, networkInterface="nic7")["message"]
    gce.refused("POST", delete, 400, networkInterface="nic0", accessConfig="none")


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


def test_where_a_public_address_is_taken() -> None:
    """For a tier from its VPC, for an isolated network from that itself, and nowhere for others."""
    assert GuestNetwork("n", type="Isolated", vpcid="v").place == {"vpcid": "v"}
    assert GuestNetwork("n", type="Isolated").place == {"networkid": "n"}
    assert GuestNetwork("n", type="Shared").place == {}
    assert GuestNetwork("n", type="L2").place == {}
