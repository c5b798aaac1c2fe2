"""instances.update by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


def _put(gce: Gce, vm: dict[str, Any], *, params: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    path = vm["selfLink"].split("/projects/demo/")[1]
    answer = gce.call("PUT", path, {**vm, **changes}, **(params or {}))
    assert answer.ok, answer.text
    operation: dict[str, Any] = gce.finished(answer.json())
    return operation


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_everything_that_may_differ(gce: Gce, made: Made, zone: str) -> None:
    """Labels, metadata, tags, texts, protection and what is kept change in one operation; absent means empty."""
    vm = made(zone, "vm-put", labels={"a": "1"}, tags={"items": ["old"]}, description="before")
    changes: dict[str, Any] = {
        "labels": {"b": "2"},
        "tags": {"items": ["new"]},
        "metadata": {"items": [{"key": "startup-script", "value": "echo"}]},
        "description": "after",
        "deletionProtection": True,
        "scheduling": {"automaticRestart": False},
    }
    operation = _put(gce, vm, **changes)
    assert ("error" in operation, operation["operationType"]) == (False, "update")
    path = f"zones/{zone}/instances/vm-put"
    after = gce.get(path)
    assert (after["labels"], after["tags"]["items"]) == ({"b": "2"}, ["new"])
    assert (after["description"], after["deletionProtection"]) == ("after", True)
    assert after["metadata"]["items"] == changes["metadata"]["items"]
    assert after["scheduling"]["automaticRestart"] is False
    gone = ("labels", "tags", "description", "deletionProtection")
    _put(gce, {field: value for field, value in after.items() if field not in gone})
    last = gce.get(path)
    assert not {"labels", "description"} & last.keys()
    assert ("items" in last["tags"], last["deletionProtection"]) == (False, False)
    assert last["metadata"]["items"] == after["metadata"]["items"]


def test_nothing_differs(gce: Gce, made: Made) -> None:
    """What was read is put back unchanged: nothing changes. An old fingerprint, or none, is a 412."""
    vm = made(VPC, "vm-put", labels={"a": "1"})
    assert "warnings" not in _put(gce, vm)
    path = f"zones/{VPC}/instances/vm-put"
    assert gce.get(path) == vm
    for old in ("AAAAAAAAAAA=", ""):
        assert gce.refused("PUT", path, 412, {**vm, "fingerprint": old})["reason"] == "conditionNotMet"


def test_what_needs_a_restart(gce: Gce, made: Made) -> None:
    """A machine type changes on a running machine only where a restart is allowed; then it runs again."""
    vm = made(VPC, "vm-put")
    path, wanted = f"zones/{VPC}/instances/vm-put", f"zones/{VPC}/machineTypes/n1-standard-2"
    body = {**vm, "machineType": wanted}
    for allowed in ({}, {"mostDisruptiveAllowedAction": "REFRESH"}):
        assert "machineType" in gce.refused("PUT", path, 400, body, **allowed)["message"]
    assert "error" not in _put(gce, vm, machineType=wanted, params={"mostDisruptiveAllowedAction": "RESTART"})
    after = gce.get(path)
    assert (after["status"], after["machineType"].endswith(wanted)) == ("RUNNING", True)
    assert after["lastStopTimestamp"]
    less = {"minimalAction": "RESTART", "mostDisruptiveAllowedAction": "NO_EFFECT"}
    assert "minimalAction" in gce.refused("PUT", path, 400, after, **less)["message"]
    gce.refused("PUT", path, 400, after, minimalAction="INVALID")
    gce.done(gce.post(f"{path}/stop"))
    assert "error" not in _put(gce, after, machineType="n1-standard-1", minCpuPlatform="Intel Skylake")
    last = gce.get(path)
    assert (last["status"], last["minCpuPlatform"]) == ("TERMINATED", "Intel Skylake")


def test_failure_takes_all_back(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """When the last change fails, those before it are undone and the machine runs again."""
    vm = made(VPC, "vm-put", labels={"a": "1"})
    changes = {"labels": {"b": "2"}, "description": "new", "machineType": "n1-standard-2"}
    fault("startVirtualMachine", "job_failed", errortext="No room here")
    operation = _put(gce, vm, **changes, params={"mostDisruptiveAllowedAction": "RESTART"})
    assert "No room here" in operation["error"]["errors"][0]["message"]
    after = gce.get(f"zones/{VPC}/instances/vm-put")
    for field in ("labels", "machineType", "status", "fingerprint"):
        assert after[field] == vm[field]
    assert "description" not in after


def test_refused_by_name(gce: Gce, made: Made) -> None:
    """Differences that update does not make are 400s that name the field, and nothing is done."""
    vm = made(VPC, "vm-put")
    path = f"zones/{VPC}/instances/vm-put"
    nic, disk = vm["networkInterfaces"][0], vm["disks"][0]
    for change, word in (
        ({"name": "other"}, "setName"),
        ({"disks": [{**disk, "autoDelete": False}]}, "setDiskAutoDelete"),
        ({"networkInterfaces": [{**nic, "networkIP": "10.0.0.9"}]}, "networkInterfaces"),
        ({"networkInterfaces": []}, "networkInterfaces"),
        ({"canIpForward": True}, "canIpForward"),
        ({"hostname": "a.example"}, "hostname"),
        ({"machineType": ""}, "machineType"),
        ({"zone": "zones/sandbox-west1-a"}, "zone"),
        ({"scheduling": {"terminationTime": "2030-01-01T00:00:00Z"}}, "terminationTime"),
    ):
        assert word in gce.refused("PUT", path, 400, {**vm, **change, "labels": {"x": "y"}})["message"]
    assert gce.get(path) == vm


def test_what_must_be_there(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A body without what every instance has is a 400 that names the field."""
    vm = made(VPC, "vm-whole")
    for field in ("disks", "networkInterfaces", "machineType"):
        body = {name: value for name, value in vm.items() if name != field}
        refused = gce.refused("PUT", f"zones/{VPC}/instances/vm-whole", 400, body)
        assert (refused["reason"], field in refused["message"]) == ("required", True)


def test_references_to_something_else(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """The last word alone does not make a reference the same: what says another collection or place is a 400."""
    vm = made(VPC, "vm-whole")
    disk, nic = vm["disks"][0], vm["networkInterfaces"][0]
    for field, value in (
        ("disks", [disk | {"source": f"zones/{VPC}/images/vm-whole"}]),
        ("disks", [disk | {"source": "projects/other/zones/sandbox-east1-a/disks/vm-whole"}]),
        ("networkInterfaces", [nic | {"network": "global/images/default"}]),
        ("networkInterfaces", [nic | {"subnetwork": "regions/sandbox-east1/addresses/default"}]),
        ("machineType", f"zones/{VPC}/diskTypes/n1-standard-1"),
        ("zone", f"global/images/{VPC}"),
    ):
        refused = gce.refused("PUT", f"zones/{VPC}/instances/vm-whole", 400, vm | {field: value})
        assert f"resource.{field}" in refused["message"]


def test_same_in_other_words(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """Short names, nulls and Google's own defaults are no differences."""
    vm = made(VPC, "vm-whole")
    body = {
        **vm,
        "machineType": "n1-standard-1",
        "zone": VPC,
        "labels": None,
        "scheduling": {"onHostMaintenance": "MIGRATE", "automaticRestart": True},
        "shieldedInstanceConfig": {"enableVtpm": False},
        "hostname": "",
    }
    gce.done(gce.call("PUT", f"zones/{VPC}/instances/vm-whole", body).json())
    assert gce.get(f"zones/{VPC}/instances/vm-whole")["fingerprint"] == vm["fingerprint"]
