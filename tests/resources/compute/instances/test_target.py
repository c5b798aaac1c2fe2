"""Instances as requests find them, states that forbid a change, and changes that wait for each other."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.servers import Stack
from gstack.config import OperationSettings
from gstack.gateway.zone_names import in_alias

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_by_id(gce: Gce, made: Made, zone: str) -> None:
    """A change may name the instance by its numeric id; the operation's target is the name."""
    vm = made(zone, "vm-subject")
    operation = gce.done(gce.post(f"zones/{zone}/instances/{vm['id']}/setLabels", {"labels": {"a": "b"}}))
    assert (operation["targetLink"], operation["targetId"]) == (vm["selfLink"], vm["id"])
    assert gce.get(f"zones/{zone}/instances/vm-subject")["labels"] == {"a": "b"}


def test_others_cannot(gce: Gce, other: Gce, made: Made) -> None:
    """What another account has is a 404, by name and by id."""
    vm = made(VPC, "vm-subject")
    for name in ("vm-subject", vm["id"]):
        other.refused("POST", f"zones/{VPC}/instances/{name}/stop", 404)
    assert gce.get(f"zones/{VPC}/instances/vm-subject")["status"] == "RUNNING"


def test_one_change_at_a_time(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """While one change is under way, others of the instance are 400 resourceNotReady, and then they are done."""
    made(VPC, "vm-subject")
    path = f"zones/{VPC}/instances/vm-subject"
    fault("stopVirtualMachine", "slow", seconds=7)
    stopping = gce.post(f"{path}/stop")
    for verb, body in (("start", None), ("setLabels", {"labels": {}}), ("setTags", {"items": []})):
        assert gce.refused("POST", f"{path}/{verb}", 400, body)["reason"] == "resourceNotReady"
    assert gce.refused("DELETE", path, 400)["reason"] == "resourceNotReady"
    gce.done(stopping)
    gce.done(gce.post(f"{path}/setTags", {"items": ["a"]}))


def test_quick_changes_take_turns(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """What gcloud's `instances update` sends at once is done one after the other, none is refused."""
    made(VPC, "vm-subject")
    path = f"zones/{VPC}/instances/vm-subject"
    fault("createTags", "slow", seconds=6)
    first = gce.post(f"{path}/setLabels", {"labels": {"a": "b"}})
    assert first["status"] != "DONE"
    second = gce.post(f"{path}/setDeletionProtection", deletionProtection="true")
    for operation in (first, second):
        gce.done(operation)
    vm = gce.get(path)
    assert (vm["labels"], vm["deletionProtection"]) == ({"a": "b"}, True)
    gce.done(gce.post(f"{path}/setDeletionProtection", deletionProtection="false"))


def test_a_quick_change_waits_while_its_client_does(start: Callable[..., Stack]) -> None:
    """Behind a change that does not end, others are refused within wait_limit, and done once it has ended."""
    running = start(operations=OperationSettings(answer_within=0.5, wait_limit=4.0, poll_interval=0.05))
    gce, path = Gce(running), f"zones/{VPC}/instances/vm-stuck"
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-stuck")))
    faults = running.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
    requests.post(faults, json={"command": "createTags", "kind": "drop"}, timeout=10).raise_for_status()
    stuck = gce.post(f"{path}/setLabels", {"labels": {"a": "b"}})
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        tags = [pool.submit(gce.refused, "POST", f"{path}/setTags", 400, {"items": [tag]}) for tag in ("a", "b")]
    assert {one.result()["reason"] for one in tags} == {"resourceNotReady"}
    assert 3 < time.monotonic() - began < 10
    requests.delete(faults, timeout=10).raise_for_status()
    gce.done(stuck)
    gce.done(gce.post(f"{path}/setTags", {"items": ["a"]}))


def test_a_machine_that_is_being_made(gce: Gce, fault: Callable[..., None]) -> None:
    """An instance that is not made yet cannot be changed."""
    fault("deployVirtualMachine", "slow", seconds=6)
    making = gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-coming"))
    path = f"zones/{VPC}/instances/vm-coming"
    answer = gce.call("POST", f"{path}/stop")
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) in {
        (404, "notFound"),
        (400, "resourceNotReady"),
    }
    gce.done(making)
    gce.done(gce.delete(path))


def test_by_each_of_its_names(gce: Gce, made: Callable[..., dict[str, Any]], ask: Ask) -> None:
    """An instance is meant by its name in every name of its zone and by its id, not by CloudStack's host name."""
    vm = made(BASIC, "vm-named")
    assert gce.get(f"zones/{BASIC}/instances/{vm['id']}") == vm
    for path in (f"zones/sandbox-simulator-a/instances/{vm['id']}", "zones/sandbox-simulator-a/instances/vm-named"):
        assert gce.get(path) == in_alias(vm, BASIC, "sandbox-simulator-a")
    host = next(one["name"] for one in ask("listVirtualMachines")["virtualmachine"] if one["displayname"] == "vm-named")
    assert host.startswith("vm-named-")
    gce.refused("GET", f"zones/{BASIC}/instances/{host}", 404)


def test_destroyed_behind_our_back(gce: Gce, made: Callable[..., dict[str, Any]], ask: Ask) -> None:
    """A machine that somebody destroyed in CloudStack is gone here, and its name is free."""
    made(BASIC, "vm-lost")
    machine = next(one for one in ask("listVirtualMachines")["virtualmachine"] if one["displayname"] == "vm-lost")
    ask("destroyVirtualMachine", id=machine["id"])
    gce.refused("GET", f"zones/{BASIC}/instances/vm-lost", 404)
    gce.refused("GET", f"zones/{BASIC}/disks/vm-lost", 404)
    assert made(BASIC, "vm-lost")["status"] == "RUNNING"
