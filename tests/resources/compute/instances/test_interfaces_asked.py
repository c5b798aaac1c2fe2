"""The network interfaces of a new instance, by the front door."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, asking_of, body_of
from fixtures.servers import Stack

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]
ACCESS = [{"type": "ONE_TO_ONE_NAT", "name": "outside"}]


@pytest.fixture(scope="module")
def second(product: Stack) -> str:
    """A second network of the account, isolated, with the range 10.77.0.0/24; its name."""
    ask = asking_of(product)
    zone = ask("listZones", name=VPC)["zone"][0]["id"]
    offering = ask("listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")
    place = {"zoneid": zone, "networkofferingid": offering["networkoffering"][0]["id"]}
    ask("createNetwork", name="second", gateway="10.77.0.1", netmask="255.255.255.0", **place)
    return "second"


def test_two_interfaces(gce: Gce, made: Made, second: str) -> None:
    """Each interface is in its network, in the order that was asked for; the first is the default one."""
    nics = [{"network": "global/networks/default", "accessConfigs": ACCESS}, {"network": f"global/networks/{second}"}]
    vm = made(VPC, "vm-two", networkInterfaces=nics)
    first, other = vm["networkInterfaces"]
    assert (first["name"], first["network"].rpartition("/")[2]) == ("nic0", "default")
    assert (other["name"], other["network"].rpartition("/")[2]) == ("nic1", second)
    assert first["accessConfigs"][0]["name"] == "outside"
    assert other["networkIP"].startswith("10.77.0.")
    assert "accessConfigs" not in other
    turned = made(VPC, "vm-turned", networkInterfaces=nics[::-1])
    assert [nic["network"].rpartition("/")[2] for nic in turned["networkInterfaces"]] == [second, "default"]


def test_external_address_on_the_second_interface(gce: Gce, made: Made, second: str) -> None:
    """The external address goes to the interface that asked for it, under the name that was sent."""
    nics = [{}, {"network": f"global/networks/{second}", "accessConfigs": ACCESS}]
    vm = made(VPC, "vm-outside", networkInterfaces=nics)
    first, other = vm["networkInterfaces"]
    assert "accessConfigs" not in first
    assert (other["accessConfigs"][0]["name"], bool(other["accessConfigs"][0]["natIP"])) == ("outside", True)


def test_fixed_addresses(gce: Gce, made: Made, second: str) -> None:
    """A fixed internal address is honoured on whichever interface has it."""
    nics = [{}, {"network": f"global/networks/{second}", "networkIP": "10.77.0.200"}]
    vm = made(VPC, "vm-fixed", networkInterfaces=nics)
    assert vm["networkInterfaces"][1]["networkIP"] == "10.77.0.200"
    assert vm["networkInterfaces"][0]["network"].endswith("/default")
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-no", networkInterfaces=nics))
    assert "networkInterfaces[1].networkIP" in refused["message"]


@pytest.mark.parametrize(
    ("zone", "nics", "word"),
    [
        (VPC, [{}, {}], "must be distinct"),
        (VPC, [{}] * 9, "at most 8"),
        (VPC, [{"accessConfigs": [{}, {}]}], "At most one access config"),
        (VPC, [{"accessConfigs": ACCESS}, {"network": "second", "accessConfigs": ACCESS}], "one external address"),
        (VPC, [{"networkIP": "300.1.1.1"}], "networkIP"),
        (VPC, [{"networkIP": "192.0.2.1"}], "outside"),
        (VPC, [{"accessConfigs": [{"natIP": "192.0.2.1"}]}], "was not found in region"),
        (VPC, [{"accessConfigs": [{"setPublicPtr": True}]}], "setPublicPtr"),
        (VPC, [{"aliasIpRanges": [{"ipCidrRange": "10.0.0.0/24"}]}], "aliasIpRanges"),
        (BASIC, [{}, {}], "security groups"),
        (BASIC, [{"accessConfigs": [{"natIP": "192.0.2.1"}]}], "guest address itself"),
    ],
)
def test_refused(gce: Gce, second: str, zone: str, nics: list[dict[str, Any]], word: str) -> None:
    """What cannot be is refused before anything is sent, and told why."""
    refused = gce.refused("POST", f"zones/{zone}/instances", 400, body_of(zone, "vm-no", networkInterfaces=nics))
    assert word in refused["message"]
    gce.refused("GET", f"zones/{zone}/instances/vm-no", 404)


@pytest.fixture
def reserved(ask: Ask) -> Iterator[str]:
    """A public address that is reserved for the account."""
    zone = ask("listZones", name=VPC)["zone"][0]["id"]
    free = ask("listPublicIpAddresses", zoneid=zone, state="Free", allocatedonly="false")["publicipaddress"][0]
    ask("reserveIpAddress", id=free["id"])
    yield free["ipaddress"]
    narrowed = {"ipaddress": free["ipaddress"]}
    if held := ask("listPublicIpAddresses", **narrowed).get("publicipaddress"):
        ask("disassociateIpAddress", id=held[0]["id"])
    if kept := ask("listPublicIpAddresses", state="Reserved", allocatedonly="false", **narrowed).get("publicipaddress"):
        ask("releaseIpAddress", id=kept[0]["id"])


def test_reserved_address(gce: Gce, made: Made, reserved: str) -> None:
    """A reserved address becomes the machine's, is nobody else's meanwhile, and stays the account's afterwards."""
    nics = [{"accessConfigs": [{"natIP": reserved, "name": "mine", "type": "ONE_TO_ONE_NAT"}]}]
    vm = made(VPC, "vm-mine", networkInterfaces=nics)
    config = vm["networkInterfaces"][0]["accessConfigs"][0]
    assert (config["natIP"], config["name"]) == (reserved, "mine")
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-no", networkInterfaces=nics))
    assert "already in-use" in refused["message"]
    gce.done(gce.delete(f"zones/{VPC}/instances/vm-mine"))
    again = made(VPC, "vm-next", networkInterfaces=nics)
    assert again["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == reserved


def test_address_of_another_network(gce: Gce, made: Made, second: str, reserved: str, ask: Ask) -> None:
    """An address that CloudStack has in one network cannot move to another."""
    nics = [{"network": f"global/networks/{second}", "accessConfigs": [{"natIP": reserved}]}]
    made(VPC, "vm-there", networkInterfaces=nics)
    gce.done(gce.delete(f"zones/{VPC}/instances/vm-there"))
    body = body_of(VPC, "vm-no", networkInterfaces=[{"accessConfigs": [{"natIP": reserved}]}])
    assert "cannot move" in gce.refused("POST", f"zones/{VPC}/instances", 400, body)["message"]
