"""The machines that make disks of images: seen by nobody, left by nothing, two at once, in every kind of zone."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
FAMILY = "projects/debian-cloud/global/images/family/debian-12"
Fault = Callable[..., None]
STEPS = ["deployVirtualMachine", "stopVirtualMachine", "detachVolume"]


def there(ask: Ask, command: str, noun: str, **narrowed: Any) -> list[dict[str, Any]]:
    """What CloudStack lists, without what is destroyed."""
    gone = {"Destroyed", "Expunging", "Destroy"}
    found = ask(command, **narrowed).get(noun, [])
    return [one for one in found if one["state"] not in gone and one.get("vmstate") not in gone]


@pytest.fixture
def nothing_left(ask: Ask) -> Iterator[None]:
    """After the test CloudStack has no machine and no volume more than before."""
    before = there(ask, "listVirtualMachines", "virtualmachine"), there(ask, "listVolumes", "volume")
    yield
    after = there(ask, "listVirtualMachines", "virtualmachine"), there(ask, "listVolumes", "volume")
    assert [[one["id"] for one in some] for some in after] == [[one["id"] for one in some] for some in before]


def body(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "sourceImage": FAMILY, **fields}


@ZONES
@pytest.mark.parametrize("command", [*STEPS, "createTags"])
@pytest.mark.usefixtures("nothing_left")
def test_failure_leaves_nothing(gce: Gce, fault: Fault, zone: str, command: str) -> None:
    """When a step fails the operation says why, and no machine, disk or name is left."""
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(f"zones/{zone}/disks", body("fails", labels={"a": "b"})))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    assert not [one for one in operation.get("warnings", []) if one["code"] == "CLEANUP_FAILED"]
    gce.refused("GET", f"zones/{zone}/disks/fails", 404)
    gce.done(gce.post(f"zones/{zone}/disks", body("fails")))
    gce.done(gce.delete(f"zones/{zone}/disks/fails"))


@ZONES
@pytest.mark.parametrize("command", [*STEPS, "destroyVirtualMachine", "createTags"])
@pytest.mark.usefixtures("nothing_left")
def test_lost_answers(gce: Gce, fault: Fault, zone: str, command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice."""
    fault(command, "lost")
    gce.done(gce.post(f"zones/{zone}/disks", body("lost", labels={"a": "b"})))
    assert gce.get(f"zones/{zone}/disks/lost")["labels"] == {"a": "b"}
    gce.done(gce.delete(f"zones/{zone}/disks/lost"))


def test_quota_is_told(gce: Gce, fault: Fault) -> None:
    """Where the account may have no further machine, the operation says so, and what that has to do with the disk."""
    text = "Maximum amount of resources of type = 'user_vm' for account has been exceeded"
    fault("deployVirtualMachine", "job_failed", errorcode=535, errortext=text)
    error = gce.finished(gce.post(f"zones/{VPC}/disks", body("too-many")))
    assert error["httpErrorStatusCode"] == 403
    first = error["error"]["errors"][0]
    assert first["code"] == "QUOTA_EXCEEDED"
    assert first["message"].startswith("CloudStack makes a disk from an image only with a temporary machine")
    assert text in first["message"]


@pytest.mark.usefixtures("nothing_left")
def test_a_maker_that_will_not_go_at_once(gce: Gce, fault: Fault) -> None:
    """A maker is destroyed in a second try where the first one fails, and the disk is there."""
    fault("destroyVirtualMachine", "job_failed", errortext="Not now")
    operation = gce.done(gce.post(f"zones/{VPC}/disks", body("sticky")))
    assert [one["code"] for one in operation["warnings"]] == ["EXTERNAL_API_WARNING"]
    gce.done(gce.delete(f"zones/{VPC}/disks/sticky"))


def test_a_maker_that_will_not_go(gce: Gce, ask: Ask, fault: Fault) -> None:
    """One that stays is named in the operation, hidden from everybody, and in nobody's way; the disk is there."""
    fault("destroyVirtualMachine", "job_failed", errortext="Never", count=2)
    operation = gce.done(gce.post(f"zones/{VPC}/disks", body("stuck")))
    warned = {one["code"]: one["message"] for one in operation["warnings"]}
    left = there(ask, "listVirtualMachines", "virtualmachine", keyword="gstack-maker")
    assert [one["name"] in warned["CLEANUP_FAILED"] for one in left] == [True]
    assert gce.get(f"zones/{VPC}/disks/stuck")["status"] == "READY"
    assert gce.items(f"zones/{VPC}/instances") == []
    assert gce.get("aggregated/instances")["items"][f"zones/{VPC}"].get("instances", []) == []
    gce.refused("GET", f"zones/{VPC}/instances/{left[0]['name']}", 404)
    ask("destroyVirtualMachine", id=left[0]["id"])
    gce.done(gce.delete(f"zones/{VPC}/disks/stuck"))


@ZONES
def test_nobody_sees_the_maker(gce: Gce, ask: Ask, fault: Fault, zone: str) -> None:
    """While it runs, the maker is no instance and its volume no disk; it has no user data and is where nobody is."""
    fault("stopVirtualMachine", "slow", seconds=2.0)
    with ThreadPoolExecutor() as beside:  # the answer waits for the operation, for some seconds
        inserting = beside.submit(Gce(gce.stack).post, f"zones/{zone}/disks", body("watched"))
        _watch(gce, zone, _running(ask))
        gce.done(inserting.result())
    assert [one["name"] for one in gce.items(f"zones/{zone}/disks")] == ["watched"]
    gce.done(gce.delete(f"zones/{zone}/disks/watched"))


def _watch(gce: Gce, zone: str, maker: dict[str, Any]) -> None:
    for path in (f"zones/{zone}/instances", f"zones/{zone}/disks"):
        assert gce.items(path) == []
        assert gce.items(path, filter="name eq .*") == []
    for name in (maker["name"], "watched", "root-1"):
        gce.refused("GET", f"zones/{zone}/instances/{name}", 404)
    gce.refused("GET", f"zones/{zone}/disks/{maker['name']}", 404)
    assert "userdata" not in maker
    if zone == BASIC:
        assert [group["name"] for group in maker["securitygroup"]] == ["gstack-spare"]
    else:
        assert [nic["networkname"] for nic in maker["nic"]] == ["gstack-spare"]


def _running(ask: Ask) -> dict[str, Any]:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := there(ask, "listVirtualMachines", "virtualmachine", keyword="gstack-maker", state="Running"):
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no maker came to run")


@ZONES
def test_an_instance_may_have_any_name(gce: Gce, zone: str) -> None:
    """An instance that is called as makers are is an instance all the same."""
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "gstack-maker-1")))
    assert gce.get(f"zones/{zone}/instances/gstack-maker-1")["status"] == "RUNNING"
    gce.done(gce.delete(f"zones/{zone}/instances/gstack-maker-1"))


@ZONES
@pytest.mark.usefixtures("nothing_left")
def test_two_at_once(gce: Gce, zone: str) -> None:
    """Several disks are made of one image at the same time."""
    names = ["at-once-1", "at-once-2", "at-once-3"]
    with ThreadPoolExecutor() as beside:
        for operation in beside.map(lambda name: Gce(gce.stack).post(f"zones/{zone}/disks", body(name)), names):
            gce.done(operation)
    assert sorted(one["name"] for one in gce.items(f"zones/{zone}/disks")) == names
    for operation in [gce.delete(f"zones/{zone}/disks/{name}") for name in names]:
        gce.done(operation)


def test_calls(gce: Gce, spent: Callable[..., dict[str, int]]) -> None:
    """What a disk of an image costs CloudStack: each change once; volumes before, under the hold and at last."""
    commands = (*STEPS, "destroyVirtualMachine", "listVirtualMachines", "listVolumes", "updateVirtualMachine")
    gce.done(gce.post(f"zones/{VPC}/disks", body("first")))
    counted = spent(lambda: gce.done(gce.post(f"zones/{VPC}/disks", body("counted"))), *commands)
    assert {name: counted[name] for name in (*STEPS, "destroyVirtualMachine")} == dict.fromkeys(
        (*STEPS, "destroyVirtualMachine"), 1
    )
    assert (counted["updateVirtualMachine"], counted["listVirtualMachines"], counted["listVolumes"]) == (0, 1, 3)
    for name in ("first", "counted"):
        gce.done(gce.delete(f"zones/{VPC}/disks/{name}"))


@ZONES
def test_in_a_project(gce: Gce, ask: Ask, zone: str) -> None:
    """In a CloudStack project the maker is the project's, as the disk is; nobody sees it there either."""
    project = ask("createProject", name=f"makers-{zone.lower()}", displaytext="x")
    inside = Gce(gce.stack, project=project["name"])
    inside.done(inside.post(f"zones/{zone}/disks", body("shared", labels={"a": "b"})))
    assert inside.get(f"zones/{zone}/disks/shared")["labels"] == {"a": "b"}
    assert inside.items(f"zones/{zone}/instances") == []
    gce.refused("GET", f"zones/{zone}/disks/shared", 404)
    assert there(ask, "listVirtualMachines", "virtualmachine", projectid=project["id"]) == []
    volumes = there(ask, "listVolumes", "volume", projectid=project["id"])
    assert [one["project"] for one in volumes] == [project["name"]]
