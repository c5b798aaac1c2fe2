"""The request of instances.insert: refused, on top of a template, with several interfaces, with taken names."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, asking_of, body_of
from fixtures.servers import Stack
from gstack.resources.compute.instances.insert_request import merge_template

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
PROPERTIES = {
    "machineType": "n1-standard-1",
    "description": "made of a template",
    "labels": {"env": "prod"},
    "tags": {"items": ["web"]},
    "metadata": {"items": [{"key": "color", "value": "red"}]},
    "disks": [
        {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": IMAGE, "diskType": "pd-ssd"}},
        {"autoDelete": True, "deviceName": "data", "initializeParams": {"diskSizeGb": "3"}},
    ],
    "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
}
ACCESS = [{"type": "ONE_TO_ONE_NAT", "name": "outside"}]


def disk_type(text: str) -> dict[str, Any]:
    image = "projects/debian-cloud/global/images/family/debian-12"
    return {"disks": [{"boot": True, "initializeParams": {"sourceImage": image, "diskType": text}}]}


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({"name": "Bad_Name"}, 400, "name"),
        ({"machineType": "zones/z/machineTypes/none"}, 400, "machineType"),
        ({"machineType": ""}, 400, "machineType"),
        ({"disks": []}, 400, "disks"),
        ({"disks": [{"boot": False}]}, 400, "boot"),
        ({"disks": [{"boot": True, "source": f"zones/{VPC}/disks/none"}]}, 404, "disks/none"),
        ({"disks": [{"boot": True, "source": "zones/z/disks/d"}]}, 400, "must be in zone"),
        ({"disks": [{"boot": True, "initializeParams": {"sourceSnapshot": "none"}}]}, 404, "snapshots/none"),
        ({"disks": [{"boot": True}]}, 400, "sourceImage"),
        ({"disks": [{"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}]}, 404, "none"),
        ({"networkInterfaces": [{"network": "global/networks/none"}]}, 400, "none"),
        ({"machineType": f"zones/{VPC}/diskTypes/n1-standard-1"}, 400, "is not a machine type"),
        ({"machineType": "global/machineTypes/n1-standard-1"}, 400, "is not a machine type"),
        ({"networkInterfaces": [{"network": "global/images/default"}]}, 400, "networkInterfaces[0].network"),
        ({"networkInterfaces": [{"network": "x/y/default"}]}, 400, "networkInterfaces[0].network"),
        ({"networkInterfaces": [{"network": f"zones/{VPC}/networks/default"}]}, 400, "networkInterfaces[0].network"),
        ({"networkInterfaces": [{"subnetwork": "global/subnetworks/default"}]}, 400, "subnetwork"),
        ({"disks": [{"boot": True, "source": "global/disks/none"}]}, 400, "resource.disks[0].source"),
        ({"disks": [{"boot": True, "source": f"zones/{VPC}/images/none"}]}, 400, "resource.disks[0].source"),
        ({"machineType": f"zones/{VPC}/n1-standard-1"}, 400, "is not a machine type"),
        ({"networkInterfaces": [{"subnetwork": "regions/sandbox-east1/addresses/default"}]}, 400, "subnetwork"),
        (disk_type(f"zones/{VPC}/machineTypes/pd-ssd"), 400, "is not a disk type"),
        (disk_type(f"zones/{BASIC}/diskTypes/pd-ssd"), 400, "must be in zone"),
        (disk_type(f"projects/other/zones/{VPC}/diskTypes/pd-ssd"), 400, "Cross-project"),
        ({"networkInterfaces": []}, 400, "At least one network interface"),
        ({"tags": {"items": ["Not A Tag"]}}, 400, "tags"),
        ({"description": "x" * 2049}, 400, "at most 2048"),
        ({"machineType": f"projects/other/zones/{VPC}/machineTypes/e2-small"}, 400, "Cross-project"),
        ({"serviceAccounts": [{"email": "a@b.c"}, {"email": "d@e.f"}]}, 400, "at most one service account"),
        ({"disks": [{"boot": True, "interface": "NVME"}]}, 400, "resource.disks[0].interface"),
        ({"labels": {"UPPER": "x"}}, 400, "labels"),
        ({"metadata": {"items": [{"key": "user-data", "value": "x" * 25_000}]}}, 400, "24576"),
        ({"canIpForward": True}, 400, "canIpForward"),
        ({"hostname": "a.example.com"}, 400, "hostname"),
        ({"guestAccelerators": [{"acceleratorCount": 1}]}, 400, "guestAccelerators"),
        ({"scheduling": {"maxRunDuration": {"seconds": "60"}}}, 400, "maxRunDuration"),
    ],
)
def test_refused(gce: Gce, changed: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field or resource is named."""
    refused = gce.refused("POST", f"zones/{VPC}/instances", status, body_of(VPC, "vm-no") | changed)
    assert word in refused["message"]
    gce.refused("GET", f"zones/{VPC}/instances/vm-no", 404)


def test_machine_image(gce: Gce) -> None:
    """Machine images are not there, and are named."""
    path, body = f"zones/{VPC}/instances", body_of(VPC, "vm-no")
    assert "machine images" in gce.refused("POST", path, 400, body, sourceMachineImage="m")["message"]


def test_fixed_address(made: Made, gce: Gce) -> None:
    """A fixed internal address is the machine's; a second machine with it is refused, and so is one of elsewhere."""
    first = made(VPC, "vm-first", networkInterfaces=[{}])
    network, _, last = first["networkInterfaces"][0]["networkIP"].rpartition(".")
    wanted = f"{network}.{int(last) % 100 + 100}"
    vm = made(VPC, "vm-fixed", networkInterfaces=[{"networkIP": wanted}])
    assert vm["networkInterfaces"][0]["networkIP"] == wanted
    for address, word in ((wanted, "already being used"), ("192.0.2.7", "outside")):
        body = body_of(VPC, "vm-no", networkInterfaces=[{"networkIP": address}])
        assert word in gce.refused("POST", f"zones/{VPC}/instances", 400, body)["message"]


@pytest.fixture(scope="module")
def template(product: Any) -> Iterator[str]:
    """The path of a template."""
    gce = Gce(product)
    gce.done(gce.post("global/instanceTemplates", {"name": "t", "properties": PROPERTIES}))
    yield "global/instanceTemplates/t"
    gce.done(gce.delete("global/instanceTemplates/t"))


@pytest.fixture
def insert(gce: Gce) -> Iterator[Callable[..., dict[str, Any]]]:
    """Make an instance of the template with these fields over it: `insert(zone, name, **fields)`."""
    made = []

    def inserting(zone: str, name: str, source: str, **fields: Any) -> dict[str, Any]:
        body = {"name": name, **fields}
        gce.done(gce.post(f"zones/{zone}/instances", body, sourceInstanceTemplate=source))
        made.append(f"zones/{zone}/instances/{name}")
        shown: dict[str, Any] = gce.get(made[-1])
        return shown

    yield inserting
    for path in made:
        gce.done(gce.delete(path))


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_as_the_template_says(gce: Gce, insert: Callable[..., dict[str, Any]], template: str, zone: str) -> None:
    """Without overrides the instance is what the template says, in whichever zone."""
    vm = insert(zone, "vm-plain", f"https://www.googleapis.com/compute/v1/projects/demo/{template}")
    assert vm["machineType"].endswith(f"zones/{zone}/machineTypes/n1-standard-1")
    assert (vm["description"], vm["labels"]) == ("made of a template", {"env": "prod"})
    assert (vm["tags"]["items"], vm["metadata"]["items"]) == (["web"], PROPERTIES["metadata"]["items"])  # type: ignore[index]
    assert [disk["deviceName"] for disk in vm["disks"]] == ["persistent-disk-0", "data"]
    assert gce.get(f"zones/{zone}/disks/vm-plain")["type"].endswith("/pd-ssd")
    assert vm["networkInterfaces"][0]["accessConfigs"][0]["natIP"]


def test_overrides(insert: Callable[..., dict[str, Any]], template: str) -> None:
    """A field of the body replaces the template's as a whole; others stay as the template says."""
    fields = {"machineType": f"zones/{VPC}/machineTypes/e2-small", "labels": {"own": "x"}, "networkInterfaces": [{}]}
    vm = insert(VPC, "vm-other", template, **fields)
    assert vm["machineType"].endswith("/e2-small")
    assert (vm["labels"], vm["tags"]["items"]) == ({"own": "x"}, ["web"])
    assert "accessConfigs" not in vm["networkInterfaces"][0]


@pytest.mark.parametrize(("source", "status"), [("global/instanceTemplates/none", 404), ("global/images/i", 400)])
def test_refused_templates(gce: Gce, source: str, status: int) -> None:
    """A template that is not there, or is none, is refused."""
    gce.refused("POST", f"zones/{VPC}/instances", status, {"name": "vm-no"}, sourceInstanceTemplate=source)


def test_merge_template() -> None:
    """What a body leaves empty counts as not sent."""
    properties = {"labels": {"a": "b"}, "machineType": "m", "disks": [1]}
    assert merge_template(properties, {"labels": {}, "machineType": "n", "disks": None}) == {
        "labels": {"a": "b"},
        "machineType": "n",
        "disks": [1],
    }


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
        (BASIC, [{"accessConfigs": [{"natIP": "192.0.2.1"}]}], "guest address is also the external"),
    ],
)
def test_refused_interfaces(gce: Gce, second: str, zone: str, nics: list[dict[str, Any]], word: str) -> None:
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


def test_a_name_that_was_taken_meanwhile(gce: Gce, fault: Callable[..., None]) -> None:
    """A name that another insert took while the request was being checked is the operation's 409; nothing is made."""
    path = f"zones/{VPC}/instances"
    first, late = body_of(VPC, "vm-late"), body_of(VPC, "vm-late")
    first["disks"][0]["initializeParams"]["diskName"] = "first-boot"
    late["disks"].append({"initializeParams": {"diskSizeGb": "1", "diskName": "late-data"}, "autoDelete": True})
    fault("listVolumes", "slow", seconds=5)  # after the machines were looked through
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(gce.post, path, late)
        time.sleep(0.5)
        gce.done(gce.post(path, first))
        ended = gce.finished(slow.result())
    assert ended["httpErrorStatusCode"] == 409
    assert ended["error"]["errors"][0]["message"].endswith("/instances/vm-late' already exists")
    assert [vm["name"] for vm in gce.items(path)] == ["vm-late"]
    assert [disk["name"] for disk in gce.items(f"zones/{VPC}/disks")] == ["first-boot"]
    gce.done(gce.delete(f"{path}/vm-late"))


def test_calls(gce: Gce, spent: Callable[..., dict[str, int]]) -> None:
    """However many disks are made or attached, their names cost one list each way."""
    there = [f"there-{number}" for number in range(4)]
    for name in there:
        gce.done(gce.post(f"zones/{VPC}/disks", {"name": name, "sizeGb": "1"}))
    body = body_of(VPC, "vm-many")
    body["disks"] += [{"source": f"zones/{VPC}/disks/{name}"} for name in there[1:]]
    body["disks"] += [{"initializeParams": {"diskSizeGb": "1", "diskName": name}} for name in ("new", there[0])]
    counted = spent(lambda: gce.refused("POST", f"zones/{VPC}/instances", 409, body), "listVolumes")
    assert counted == {"listVolumes": 2}
    for name in there:
        gce.done(gce.delete(f"zones/{VPC}/disks/{name}"))
