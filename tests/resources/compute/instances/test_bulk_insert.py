"""instances.bulkInsert: names, refusals, and what becomes of many instances."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from gstack.errors import Problem
from gstack.resources.compute.instances.bulk_insert import check_pattern, first_number

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
PATH = f"zones/{VPC}/instances/bulkInsert"


@pytest.fixture
def tidy(gce: Gce) -> Iterator[None]:
    """Delete all machines when the test ends."""
    yield
    for zone in (BASIC, VPC):
        names = [one["name"] for one in gce.items(f"zones/{zone}/instances")]
        for operation in [gce.delete(f"zones/{zone}/instances/{name}") for name in names]:
            gce.done(operation)


def _body(zone: str, **fields: Any) -> dict[str, Any]:
    disks = [*body_of(zone, "x")["disks"], {"initializeParams": {"diskSizeGb": "5"}, "autoDelete": True}]
    properties = {
        "machineType": "n1-standard-1",
        "disks": disks,
        "labels": {"a": "b"},
        "tags": {"items": ["web"]},
        "networkInterfaces": [{"accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
    }
    return {"count": "3", "namePattern": "vm-##", "instanceProperties": properties, **fields}


@ZONES
@pytest.mark.usefixtures("tidy")
def test_all_are_made(gce: Gce, zone: str) -> None:
    """As many machines as were asked for, each whole; the next ones have the numbers after them."""
    path = f"zones/{zone}/instances"
    operation = gce.done(gce.post(f"{path}/bulkInsert", _body(zone)), seconds=120)
    assert (operation["operationType"], operation["operationGroupId"] != "") == ("bulkInsert", True)
    for name in ("vm-01", "vm-02", "vm-03"):
        vm = gce.get(f"{path}/{name}")
        assert (vm["status"], vm["labels"], vm["tags"]["items"]) == ("RUNNING", {"a": "b"}, ["web"])
        assert [disk["source"].split("/")[-1] for disk in vm["disks"]] == [name, f"{name}-1"]
        assert vm["networkInterfaces"][0]["accessConfigs"][0]["natIP"]
    named = {"perInstanceProperties": {"one": {}}, "namePattern": "", "count": "1"}
    gce.done(gce.post(f"{path}/bulkInsert", _body(zone, **named)))
    gce.done(gce.post(f"{path}/bulkInsert", _body(zone, count="1")))
    assert {vm["name"] for vm in gce.items(path)} == {"vm-01", "vm-02", "vm-03", "one", "vm-04"}


@ZONES
@pytest.mark.usefixtures("tidy")
def test_some_fail(gce: Gce, fault: Callable[..., None], zone: str) -> None:
    """Where minCount are made the operation is well and warns of the others."""
    fault("deployVirtualMachine", "job_failed", errortext="No room here")
    operation = gce.done(gce.post(f"zones/{zone}/instances/bulkInsert", _body(zone, minCount="2")), seconds=120)
    (warning,) = [one for one in operation["warnings"] if one["code"] == "PARTIAL_SUCCESS"]
    assert "No room here" in warning["message"]
    lost = warning["data"][0]["value"]
    assert {vm["name"] for vm in gce.items(f"zones/{zone}/instances")} == {"vm-01", "vm-02", "vm-03"} - {lost}


def _groups(ask: Ask) -> set[str]:
    """The machines' own groups; CloudStack keeps those of a machine that it could not deploy for a day."""
    names = {group["name"] for group in ask("listSecurityGroups")["securitygroup"]}
    return {name for name in names if name.startswith("gce-machine-")}


@ZONES
def test_too_few(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str) -> None:
    """Where fewer can be made than are needed, nothing is left: no machine, disk, address or group."""
    before, groups = len(ask("listPublicIpAddresses").get("publicipaddress", [])), _groups(ask)
    fault("attachVolume", "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(f"zones/{zone}/instances/bulkInsert", _body(zone)), seconds=120)
    message = operation["error"]["errors"][0]["message"]
    assert "2 of 3 instances could be made, 3 are needed" in message
    assert "No room here" in message
    for kind in ("instances", "disks"):
        assert gce.items(f"zones/{zone}/{kind}") == []
    assert len(ask("listPublicIpAddresses").get("publicipaddress", [])) <= before + 1  # that of a VPC itself
    assert _groups(ask) == groups


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize("command", ["deployVirtualMachine", "createVolume", "associateIpAddress"])
def test_lost_answers(gce: Gce, fault: Callable[..., None], command: str) -> None:
    """A lost answer is no second machine, disk or address."""
    fault(command, "lost")
    gce.done(gce.post(f"zones/{VPC}/instances/bulkInsert", _body(VPC, count="2")), seconds=120)
    assert [len(gce.items(f"zones/{VPC}/{kind}")) for kind in ("instances", "disks")] == [2, 4]


@pytest.mark.usefixtures("tidy")
def test_a_name_that_was_taken_meanwhile(gce: Gce, fault: Callable[..., None]) -> None:
    """A name that another took while the request was being checked is the operation's 409; nothing is made."""
    path, snapshots = f"zones/{VPC}/instances", "global/snapshots"
    gce.done(gce.post(path, body_of(VPC, "first")))
    gce.done(gce.post(snapshots, {"name": "boots", "sourceDisk": f"zones/{VPC}/disks/first"}))
    body = _body(VPC)
    body["instanceProperties"]["disks"][0]["initializeParams"] = {"sourceSnapshot": f"{snapshots}/boots"}
    fault("listSnapshots", "slow", seconds=7)  # after the names were looked for
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(gce.post, f"{path}/bulkInsert", body)
        time.sleep(0.5)
        gce.done(gce.post(path, body_of(VPC, "vm-02")))
        ended = gce.finished(slow.result())
    gce.done(gce.delete(f"{snapshots}/boots"))
    assert ended["httpErrorStatusCode"] == 409
    assert ended["error"]["errors"][0]["message"].endswith("/instances/vm-02' already exists")
    assert {vm["name"] for vm in gce.items(path)} == {"first", "vm-02"}


@pytest.mark.parametrize(("pattern", "digits"), [("inst-####", 4), ("a#", 1), ("a-##-z", 2)])
def test_patterns(pattern: str, digits: int) -> None:
    """One sequence of `#` says how many digits the numbers have."""
    assert check_pattern(pattern) == digits


@pytest.mark.parametrize("pattern", ["inst", "a-#-#", "#", f"a-{'#' * 19}", "Big-#", "a-#-"])
def test_no_patterns(pattern: str) -> None:
    """None, several or too long sequences, and patterns of what is no name, are refused."""
    with pytest.raises(Problem):
        check_pattern(pattern)


def test_numbers_go_on() -> None:
    """Numbers start after the greatest one that is there, among the names that match as a whole."""
    assert first_number("inst-####", []) == 1
    assert first_number("inst-####", ["inst-0050", "inst-0007", "inst-99999", "other-0100"]) == 51


def _properties(**fields: Any) -> dict[str, Any]:
    properties = body_of(VPC, "x", **{"machineType": "n1-standard-1", **fields})
    return {name: value for name, value in properties.items() if name not in {"name", "deletionProtection"}}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"namePattern": ""}, "perInstanceProperties"),
        ({"perInstanceProperties": {"a": {}}}, "namePattern"),
        ({"count": "0"}, "resource.count"),
        ({"count": "1001"}, "resource.count"),
        ({"count": "11", "namePattern": "vm-#"}, "too few '#' for"),
        ({"minCount": "3"}, "minCount"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}}}, "has 1 names"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}, "b": {"hostname": "h.example"}}}, "hostname"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}, "B": {}}}, "'B'"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}, "b": {"name": "c"}}}, "'b' has another name"),
        ({"locationPolicy": {"targetShape": "BALANCED"}}, "locationPolicy"),
        ({"instanceProperties": _properties(networkInterfaces=[{"networkIP": "10.128.0.9"}])}, "networkI"),
        ({"instanceProperties": _properties(machineType="huge")}, "'huge'"),
        ({"instanceProperties": _properties(resourceManagerTags={"a": "b"})}, "resourceManagerTags"),
    ],
)
def test_refused(gce: Gce, changes: dict[str, Any], word: str) -> None:
    """What cannot be is a 400 that names it."""
    body = {"count": "2", "namePattern": "vm-###", "instanceProperties": _properties(), **changes}
    assert word in gce.refused("POST", PATH, 400, body)["message"]


def test_names_of_disks(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A disk's name, or an existing disk, serves one machine; names that are there are a 409."""
    made(VPC, "there")
    boot = body_of(VPC, "x")["disks"][0]
    named = {**boot, "initializeParams": {**boot["initializeParams"], "diskName": "one"}}
    for disks in ([named], [boot, {"source": f"zones/{VPC}/disks/there"}]):
        body = {"count": "2", "namePattern": "vm-###", "instanceProperties": _properties(disks=disks)}
        assert gce.refused("POST", PATH, 400, body)
    body = {"perInstanceProperties": {"a": {}, "there": {}}, "instanceProperties": _properties()}
    assert gce.refused("POST", PATH, 409, body)["reason"] == "alreadyExists"
    long: dict[str, Any] = {f"{'n' * 61}{number}": {} for number in range(2)}
    disks = [boot, {"initializeParams": {"diskSizeGb": "5"}}]
    body = {"perInstanceProperties": long, "instanceProperties": _properties(disks=disks)}
    assert "too long" in gce.refused("POST", PATH, 400, body)["message"]
