"""Interfaces that move to another network, by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]
PATH = f"zones/{VPC}/instances/vm-moved"


def _network(ask: Ask, name: str) -> str:
    zone = ask("listZones", name=VPC)["zone"][0]["id"]
    kind = ask("listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")
    offering = kind["networkoffering"][0]["id"]
    ask("createNetwork", name=name, displaytext=name, zoneid=zone, networkofferingid=offering)
    return f"global/networks/{name}"


def _nic(gce: Gce) -> dict[str, Any]:
    nic: dict[str, Any] = gce.get(PATH)["networkInterfaces"][0]
    return nic


def _moved(gce: Gce, network: str, **fields: Any) -> dict[str, Any]:
    body = {"network": network, "fingerprint": _nic(gce)["fingerprint"], **fields}
    answer = gce.call("PATCH", f"{PATH}/updateNetworkInterface", body, networkInterface="nic0")
    assert answer.ok, answer.text
    return gce.finished(answer.json())


@pytest.mark.parametrize("command", ["addNicToVirtualMachine", "removeNicFromVirtualMachine", "associateIpAddress"])
def test_moved(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None], command: str) -> None:
    """The first interface of a stopped machine goes to another network, with an external address there, and back."""
    before = made(VPC, "vm-moved")["networkInterfaces"][0]
    network = _network(ask, f"to-{command.lower()[:9]}")
    gce.done(gce.post(f"{PATH}/stop"))
    fault(command, "lost")
    operation = _moved(gce, network, networkIP="10.1.1.55")
    assert "error" not in operation, operation["error"]
    nic = _nic(gce)
    assert (nic["name"], nic["network"].endswith(network), nic["networkIP"]) == ("nic0", True, "10.1.1.55")
    assert nic["accessConfigs"][0]["name"] == before["accessConfigs"][0]["name"]
    assert "subnetwork" not in nic
    assert "error" not in _moved(gce, "global/networks/default")
    assert _nic(gce)["subnetwork"] == before["subnetwork"]
    gce.done(gce.post(f"{PATH}/start"))
    addresses = ask("listPublicIpAddresses")["publicipaddress"]
    assert sum(one["isstaticnat"] for one in addresses) == 1


@pytest.mark.parametrize(
    "command",
    [
        "addNicToVirtualMachine",
        "updateDefaultNicForVirtualMachine",
        "associateIpAddress",
        "removeNicFromVirtualMachine",
    ],
)
def test_failure_puts_everything_back(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None], command: str) -> None:
    """When a step fails the interface is where it was, with its internal address and an external one."""
    before = made(VPC, "vm-moved")["networkInterfaces"][0]
    network = _network(ask, f"no-{command.lower()[:9]}")
    gce.done(gce.post(f"{PATH}/stop"))
    fault(command, "job_failed", errortext="Not there")
    operation = _moved(gce, network)
    assert "Not there" in operation["error"]["errors"][0]["message"]
    (after,) = gce.get(PATH)["networkInterfaces"]
    for field in ("name", "network", "subnetwork", "networkIP"):
        assert after[field] == before[field]
    assert len(after["accessConfigs"]) == 1


def test_refused(gce: Gce, ask: Ask, made: Made) -> None:
    """A running machine, an unknown network, a network that another interface is in, and security groups."""
    made(VPC, "vm-moved", networkInterfaces=[{"network": "global/networks/default"}])
    network = _network(ask, "another")
    patch = f"{PATH}/updateNetworkInterface"
    body = {"network": network, "fingerprint": _nic(gce)["fingerprint"]}
    assert "must be stopped" in gce.refused("PATCH", patch, 400, body, networkInterface="nic0")["message"]
    gce.done(gce.post(f"{PATH}/stop"))
    unknown = {**body, "network": "global/networks/nowhere"}
    assert "nowhere" in gce.refused("PATCH", patch, 400, unknown, networkInterface="nic0")["message"]
    gce.done(gce.post(f"{PATH}/addNetworkInterface", {"network": network}))
    assert "distinct" in gce.refused("PATCH", patch, 400, body, networkInterface="nic0")["message"]
    other = made(BASIC, "vm-basic")
    body = {"network": network, "fingerprint": other["networkInterfaces"][0]["fingerprint"]}
    patch = f"zones/{BASIC}/instances/vm-basic/updateNetworkInterface"
    assert "one guest network" in gce.refused("PATCH", patch, 400, body, networkInterface="nic0")["message"]
