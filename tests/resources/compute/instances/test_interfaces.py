"""Network interfaces added, deleted, changed and moved, by the front door."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]
INSIDE = [{"network": "global/networks/default"}]
PATH = f"zones/{VPC}/instances/vm-nics"
MOVED = f"zones/{VPC}/instances/vm-moved"


@pytest.fixture
def second(ask: Ask) -> Iterator[str]:
    """A network beside the default one, which goes when the test ends, after its machines."""
    zone = ask("listZones", name=VPC)["zone"][0]["id"]
    kind = ask("listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")
    offering = kind["networkoffering"][0]["id"]
    network = ask("createNetwork", name="second", displaytext="second", zoneid=zone, networkofferingid=offering)
    yield "global/networks/second"
    ask("deleteNetwork", id=network["network"]["id"], forced=True)


def _nics(gce: Gce) -> dict[str, Any]:
    return {nic["name"]: nic for nic in gce.get(PATH)["networkInterfaces"]}


def test_an_interface_comes_and_goes(gce: Gce, second: str, made: Made, fault: Callable[..., None]) -> None:
    """A running machine gets an interface in another network, with an external address, and loses both."""
    made(VPC, "vm-nics", networkInterfaces=INSIDE)
    body = {"network": second, "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}], "nicType": "GVNIC"}
    fault("addNicToVirtualMachine", "lost")
    operation = gce.done(gce.post(f"{PATH}/addNetworkInterface", body))
    assert "nicType" in operation["warnings"][0]["message"]
    nic = _nics(gce)["nic1"]
    assert nic["network"].endswith(second)
    assert nic["accessConfigs"][0]["natIP"]
    assert "distinct" in gce.refused("POST", f"{PATH}/addNetworkInterface", 400, {"network": second})["message"]
    again = gce.refused("POST", f"{PATH}/addAccessConfig", 400, {}, networkInterface="nic0")
    assert "one external address" in again["message"]
    fault("removeNicFromVirtualMachine", "lost")
    gce.done(gce.post(f"{PATH}/deleteNetworkInterface", networkInterfaceName="nic1"))
    assert list(_nics(gce)) == ["nic0"]


def test_what_fails_is_taken_back(gce: Gce, ask: Ask, second: str, made: Made, fault: Callable[..., None]) -> None:
    """Without an address there is no interface; one that cannot be removed has an address again."""
    made(VPC, "vm-nics", networkInterfaces=INSIDE)
    body = {"network": second, "accessConfigs": [{}]}
    fault("associateIpAddress", "job_failed", errortext="No address left")
    failed = gce.finished(gce.post(f"{PATH}/addNetworkInterface", body))
    assert "No address left" in failed["error"]["errors"][0]["message"]
    assert list(_nics(gce)) == ["nic0"]
    gce.done(gce.post(f"{PATH}/addNetworkInterface", body))
    fault("removeNicFromVirtualMachine", "job_failed", errortext="Still in use")
    failed = gce.finished(gce.post(f"{PATH}/deleteNetworkInterface", networkInterfaceName="nic1"))
    assert "Still in use" in failed["error"]["errors"][0]["message"]
    assert len(_nics(gce)["nic1"]["accessConfigs"]) == 1
    gce.done(gce.post(f"{PATH}/deleteNetworkInterface", networkInterfaceName="nic1"))
    addresses = ask("listPublicIpAddresses").get("publicipaddress", [])
    assert all(one["issourcenat"] for one in addresses)


def test_internal_address(gce: Gce, second: str, made: Made, fault: Callable[..., None]) -> None:
    """A fixed address at once, or another one while the machine is stopped; bad ones are refused before."""
    made(VPC, "vm-nics", networkInterfaces=INSIDE)
    nic = _nics(gce)["nic0"]
    update = f"{PATH}/updateNetworkInterface"
    wanted = ".".join([*nic["networkIP"].split(".")[:3], "77"])
    body = {"networkIP": wanted, "fingerprint": nic["fingerprint"]}
    assert "must be stopped" in gce.refused("PATCH", update, 400, body, networkInterface="nic0")["message"]
    gce.done(gce.post(f"{PATH}/stop"))
    for address, word in (("192.0.2.1", "outside"), ("x", "IPv4")):
        refused = gce.refused("PATCH", update, 400, {**body, "networkIP": address}, networkInterface="nic0")
        assert word in refused["message"]
    fault("updateVmNicIp", "lost")
    gce.done(gce.call("PATCH", update, body, networkInterface="nic0").json())
    assert _nics(gce)["nic0"]["networkIP"] == wanted
    gce.refused("PATCH", update, 412, body, networkInterface="nic0")
    gce.done(gce.post(f"{PATH}/addNetworkInterface", {"network": second, "networkIP": "10.1.1.99"}))
    assert _nics(gce)["nic1"]["networkIP"] == "10.1.1.99"


def test_refused(gce: Gce, made: Made) -> None:
    """What CloudStack cannot do is refused by name; the first interface stays; a fingerprint is needed."""
    made(VPC, "vm-nics")
    nic = _nics(gce)["nic0"]
    patch = {"fingerprint": nic["fingerprint"]}
    gce.done(gce.call("PATCH", f"{PATH}/updateNetworkInterface", nic, networkInterface="nic0").json())
    gce.refused("PATCH", f"{PATH}/updateNetworkInterface", 400, {}, networkInterface="nic0")
    for body, field in (
        ({"network": "global/networks/other"}, "must be stopped"),
        ({"aliasIpRanges": [{"ipCidrRange": "/24"}]}, "aliasIpRanges"),
        ({"accessConfigs": [{"name": "x"}]}, "accessConfigs"),
    ):
        refused = gce.refused("PATCH", f"{PATH}/updateNetworkInterface", 400, patch | body, networkInterface="nic0")
        assert field in refused["message"]
    gce.done(gce.post(f"{PATH}/stop"))
    for field, value in (("network", "global/images/default"), ("subnetwork", "global/subnetworks/default")):
        other = patch | {field: value}
        refused = gce.refused("PATCH", f"{PATH}/updateNetworkInterface", 400, other, networkInterface="nic0")
        assert f"networkInterface.{field}" in refused["message"]
    moved = patch | {"networkIP": nic["networkIP"][:-1]}
    assert (
        "access config"
        in gce.refused("PATCH", f"{PATH}/updateNetworkInterface", 400, moved, networkInterface="nic0")["message"]
    )
    delete = f"{PATH}/deleteNetworkInterface"
    assert "cannot be deleted" in gce.refused("POST", delete, 400, networkInterfaceName="nic0")["message"]
    gce.refused("POST", delete, 400, networkInterfaceName="nic3")
    add = f"{PATH}/addNetworkInterface"
    two = {"network": "global/networks/none", "accessConfigs": [{}, {}]}
    assert "At most one" in gce.refused("POST", add, 400, two)["message"]
    assert "one external address" in gce.refused("POST", add, 400, {"accessConfigs": [{}]})["message"]


def test_with_security_groups(gce: Gce, made: Made) -> None:
    """With security groups a machine has one interface, whose address CloudStack chooses."""
    vm = made(BASIC, "vm-nics")
    path = f"zones/{BASIC}/instances/vm-nics"
    assert "one interface" in gce.refused("POST", f"{path}/addNetworkInterface", 400, {})["message"]
    body = {"fingerprint": vm["networkInterfaces"][0]["fingerprint"], "networkIP": "192.0.2.1"}
    refused = gce.refused("PATCH", f"{path}/updateNetworkInterface", 400, body, networkInterface="nic0")
    assert "CloudStack chooses" in refused["message"]


def _network(ask: Ask, name: str) -> str:
    zone = ask("listZones", name=VPC)["zone"][0]["id"]
    kind = ask("listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")
    offering = kind["networkoffering"][0]["id"]
    ask("createNetwork", name=name, displaytext=name, zoneid=zone, networkofferingid=offering)
    return f"global/networks/{name}"


def _nic(gce: Gce) -> dict[str, Any]:
    nic: dict[str, Any] = gce.get(MOVED)["networkInterfaces"][0]
    return nic


def _moved(gce: Gce, network: str, **fields: Any) -> dict[str, Any]:
    body = {"network": network, "fingerprint": _nic(gce)["fingerprint"], **fields}
    answer = gce.call("PATCH", f"{MOVED}/updateNetworkInterface", body, networkInterface="nic0")
    assert answer.ok, answer.text
    return gce.finished(answer.json())


@pytest.mark.parametrize("command", ["addNicToVirtualMachine", "removeNicFromVirtualMachine", "associateIpAddress"])
def test_moved(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None], command: str) -> None:
    """The first interface of a stopped machine goes to another network, with an external address there, and back."""
    before = made(VPC, "vm-moved")["networkInterfaces"][0]
    network = _network(ask, f"to-{command.lower()[:9]}")
    gce.done(gce.post(f"{MOVED}/stop"))
    fault(command, "lost")
    operation = _moved(gce, network, networkIP="10.1.1.55")
    assert "error" not in operation, operation["error"]
    nic = _nic(gce)
    assert (nic["name"], nic["network"].endswith(network), nic["networkIP"]) == ("nic0", True, "10.1.1.55")
    assert nic["accessConfigs"][0]["name"] == before["accessConfigs"][0]["name"]
    assert "subnetwork" not in nic
    assert "error" not in _moved(gce, "global/networks/default")
    assert _nic(gce)["subnetwork"] == before["subnetwork"]
    gce.done(gce.post(f"{MOVED}/start"))
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
    gce.done(gce.post(f"{MOVED}/stop"))
    fault(command, "job_failed", errortext="Not there")
    operation = _moved(gce, network)
    assert "Not there" in operation["error"]["errors"][0]["message"]
    (after,) = gce.get(MOVED)["networkInterfaces"]
    for field in ("name", "network", "subnetwork", "networkIP"):
        assert after[field] == before[field]
    assert len(after["accessConfigs"]) == 1


def test_refused_moves(gce: Gce, ask: Ask, made: Made) -> None:
    """A running machine, an unknown network, a network that another interface is in, and security groups."""
    made(VPC, "vm-moved", networkInterfaces=[{"network": "global/networks/default"}])
    network = _network(ask, "another")
    patch = f"{MOVED}/updateNetworkInterface"
    body = {"network": network, "fingerprint": _nic(gce)["fingerprint"]}
    assert "must be stopped" in gce.refused("PATCH", patch, 400, body, networkInterface="nic0")["message"]
    gce.done(gce.post(f"{MOVED}/stop"))
    unknown = {**body, "network": "global/networks/nowhere"}
    assert "nowhere" in gce.refused("PATCH", patch, 400, unknown, networkInterface="nic0")["message"]
    gce.done(gce.post(f"{MOVED}/addNetworkInterface", {"network": network}))
    assert "distinct" in gce.refused("PATCH", patch, 400, body, networkInterface="nic0")["message"]
    other = made(BASIC, "vm-basic")
    body = {"network": network, "fingerprint": other["networkInterfaces"][0]["fingerprint"]}
    patch = f"zones/{BASIC}/instances/vm-basic/updateNetworkInterface"
    assert "one guest network" in gce.refused("PATCH", patch, 400, body, networkInterface="nic0")["message"]
