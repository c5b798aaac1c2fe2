"""Requests that get in each other's way end as with Google: 409, 400 resourceNotReady or 404, and never in a mess."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests

from fixtures.gce import Gce
from fixtures.instances import asking_of, body_of
from gstack.config import OperationSettings
from torture.replicas import at_once

BASIC, EAST = "Sandbox-simulator", "sandbox-east1-a"
TIMES = OperationSettings(poll_interval=0.05, answer_within=0.2)
pytestmark = pytest.mark.parametrize("product", [{"operations": TIMES}], indirect=True)
ZONES = pytest.mark.parametrize("zone", [BASIC, EAST])
DATA = [{"initializeParams": {"diskName": "busy-data", "diskSizeGb": "5"}, "autoDelete": True, "deviceName": "data"}]
Slow = Callable[[str], None]


@pytest.fixture
def slow(product: Any) -> Iterator[Slow]:
    """Let the answer to the next call of a command take a while: `slow("deployVirtualMachine")`."""
    url = product.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"

    def slowing(command: str) -> None:
        rule = {"command": command, "kind": "slow", "count": 1, "seconds": 1.0}
        requests.post(url, json=rule, timeout=10).raise_for_status()

    yield slowing
    requests.delete(url, timeout=10).raise_for_status()


@pytest.fixture
def busy(gce: Gce) -> Iterator[Callable[[str], str]]:
    """A running machine with a data disk: `busy(zone)` is its path. Gone when the test ends."""
    paths = []

    def making(zone: str) -> str:
        body = body_of(zone, "busy")
        gce.done(gce.post(f"zones/{zone}/instances", body | {"disks": [*body["disks"], *DATA]}))
        paths.append(f"zones/{zone}/instances/busy")
        return paths[-1]

    yield making
    for path in paths:
        answer = gce.call("DELETE", path)
        if answer.ok:
            gce.done(answer.json())


def begun(gce: Gce, verb: str, path: str, body: Any = None, **params: Any) -> dict[str, Any]:
    """Send a mutation that takes a while; its operation, which is not DONE yet."""
    answer = gce.call(verb, path, body, **params)
    assert answer.ok, answer.text
    operation: dict[str, Any] = answer.json()
    assert operation["status"] != "DONE", operation
    return operation


def not_ready(gce: Gce, verb: str, path: str, body: Any = None, **params: Any) -> None:
    refused = gce.refused(verb, path, 400, body, **params)
    assert refused["reason"] == "resourceNotReady", refused
    assert "is not ready" in refused["message"]


@ZONES
def test_many_inserts_of_one_name(gce: Gce, ask: Callable[..., Any], zone: str) -> None:
    """Of several inserts at once one is begun; the others are 409 alreadyExists, and leave nothing."""
    body = body_of(zone, "many")
    answers = at_once(*[lambda: gce.call("POST", f"zones/{zone}/instances", body)] * 5)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    (first,) = (answer.json() for answer in answers if answer.ok)
    gce.done(first)
    found = ask("listVirtualMachines")["virtualmachine"]
    assert len([one for one in found if one["displayname"] == "many" and one["state"] == "Running"]) == 1
    gce.done(gce.delete(f"zones/{zone}/instances/many"))


@ZONES
def test_an_instance_on_its_way(gce: Gce, slow: Slow, zone: str) -> None:
    """While it is inserted an instance is no target, its disk's name is taken; afterwards it is whole."""
    slow("deployVirtualMachine")
    path = f"zones/{zone}/instances/coming"
    operation = begun(gce, "POST", f"zones/{zone}/instances", body_of(zone, "coming"))
    assert gce.call("DELETE", path).status_code in {400, 404}
    assert gce.call("POST", f"{path}/stop").status_code in {400, 404}
    refused = gce.call("POST", f"zones/{zone}/disks", {"name": "coming", "sizeGb": "1"})
    assert refused.status_code in {400, 409}, refused.text
    gce.done(operation)
    assert gce.get(path)["status"] == "RUNNING"
    gce.done(gce.delete(path))


@ZONES
def test_delete_twice(gce: Gce, slow: Slow, busy: Callable[[str], str], zone: str) -> None:
    """A second deletion is 400 resourceNotReady while the first goes on, and 404 after it."""
    path = busy(zone)
    slow("stopVirtualMachine")
    operation = begun(gce, "DELETE", path)
    not_ready(gce, "DELETE", path)
    gce.done(operation)
    gce.refused("DELETE", path, 404)


@ZONES
def test_nothing_else_during_a_deletion(gce: Gce, slow: Slow, busy: Callable[[str], str], zone: str) -> None:
    """Until it is gone an instance that is deleted can be read, but neither changed nor made again."""
    path = busy(zone)
    slow("stopVirtualMachine")
    operation = begun(gce, "DELETE", path)
    assert gce.get(path)["status"] in {"RUNNING", "STOPPING"}
    for verb in ("stop", "start", "reset"):
        not_ready(gce, "POST", f"{path}/{verb}")
    not_ready(gce, "POST", f"{path}/detachDisk", deviceName="data")
    not_ready(gce, "POST", f"{path}/setDiskAutoDelete", deviceName="data", autoDelete="false")
    not_ready(gce, "POST", f"zones/{zone}/disks/busy-data/resize", {"sizeGb": "9"})
    assert gce.refused("POST", f"zones/{zone}/instances", 409, body_of(zone, "busy"))["reason"] == "alreadyExists"
    gce.done(operation)
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "busy")))


@ZONES
def test_stop_and_start_at_once(gce: Gce, slow: Slow, busy: Callable[[str], str], zone: str) -> None:
    """What comes during a stop is 400 resourceNotReady, a deletion too; the machine is stopped as if alone."""
    path = busy(zone)
    slow("stopVirtualMachine")
    operation = begun(gce, "POST", f"{path}/stop")
    not_ready(gce, "POST", f"{path}/start")
    not_ready(gce, "DELETE", path)
    gce.done(operation)
    assert gce.get(path)["status"] == "TERMINATED"
    slow("startVirtualMachine")
    operation = begun(gce, "POST", f"{path}/start")
    not_ready(gce, "POST", f"{path}/stop")
    gce.done(operation)
    assert gce.get(path)["status"] == "RUNNING"


@ZONES
def test_a_disk_in_two_hands(gce: Gce, slow: Slow, busy: Callable[[str], str], zone: str) -> None:
    """A disk on its way to an instance is not deleted, resized or attached elsewhere; nor is its instance deleted."""
    path, disk = busy(zone), f"zones/{zone}/disks/handy"
    gce.done(gce.post(f"zones/{zone}/disks", {"name": "handy", "sizeGb": "1"}))
    slow("attachVolume")
    operation = begun(gce, "POST", f"{path}/attachDisk", {"source": disk, "autoDelete": True})
    not_ready(gce, "DELETE", disk)
    not_ready(gce, "POST", f"{disk}/resize", {"sizeGb": "9"})
    not_ready(gce, "DELETE", path)
    gce.done(operation)
    assert gce.get(disk)["users"] == [gce.get(path)["selfLink"]]


def test_a_snapshot_of_a_disk_that_goes(gce: Gce, slow: Slow, busy: Callable[[str], str]) -> None:
    """Of two snapshots of one name one is 409; one that is taken is whole, also when its instance is deleted then."""
    path, disk = busy(EAST), f"zones/{EAST}/disks/busy"
    slow("createSnapshot")
    body = {"name": "going", "sourceDisk": disk}
    operation = begun(gce, "POST", "global/snapshots", body)
    assert gce.refused("POST", "global/snapshots", 409, body)["reason"] == "alreadyExists"
    deletion = gce.call("DELETE", path)
    gce.done(operation)
    if deletion.ok:
        gce.done(deletion.json())
    else:
        assert deletion.json()["error"]["errors"][0]["reason"] == "resourceNotReady"
    assert gce.get("global/snapshots/going")["status"] == "READY"
    gce.done(gce.delete("global/snapshots/going"))


def test_one_firewall_in_many_hands(gce: Gce) -> None:
    """Five inserts and then five deletions of one rule at once: one of each is begun."""
    body = {"name": "contested", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}
    inserts = at_once(*[lambda: gce.call("POST", "global/firewalls", body)] * 5)
    assert sorted(answer.status_code for answer in inserts) == [200, 409, 409, 409, 409]
    gce.done(next(answer.json() for answer in inserts if answer.ok))
    deletions = at_once(*[lambda: gce.call("DELETE", "global/firewalls/contested")] * 5)
    begun_ones = [answer.json() for answer in deletions if answer.ok]
    assert {answer.status_code for answer in deletions} <= {200, 400, 404}
    for one in begun_ones:
        gce.finished(one)
    assert len([one for one in begun_ones if "error" not in gce.finished(one)]) == 1
    gce.refused("GET", "global/firewalls/contested", 404)


def test_one_firewall_with_many_changes(gce: Gce, busy: Callable[[str], str], product: Any) -> None:
    """Of changes of one rule at once each is done or not begun, and CloudStack has what the rule says in the end."""
    busy(BASIC)
    ask, ports = asking_of(product), [str(port) for port in range(8001, 8006)]
    body = {"name": "changing", "allowed": [{"IPProtocol": "tcp", "ports": ["8000"]}]}
    gce.done(gce.post("global/firewalls", body))

    def change(port: str) -> requests.Response:
        allowed = [{"IPProtocol": "tcp", "ports": [port]}]
        return gce.call("PATCH", "global/firewalls/changing", {"allowed": allowed})

    answers = at_once(*[partial(change, port) for port in ports])
    for answer in answers:
        if answer.ok:
            gce.done(answer.json())
        else:
            assert answer.json()["error"]["errors"][0]["reason"] == "resourceNotReady"
    (port,) = gce.get("global/firewalls/changing")["allowed"][0]["ports"]
    assert port in ports
    (group,) = ask("listSecurityGroups", securitygroupname="gce-network-default")["securitygroup"]
    assert {str(rule.get("startport")) for rule in group["ingressrule"]} & {"8000", *ports} == {port}
    gce.done(gce.delete("global/firewalls/changing"))
