"""instances.detachDisk by the front door, in both kinds of zones."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


def with_data(gce: Gce, made: Made, zone: str, name: str) -> str:
    """An instance with a data disk `<name>-data` on the device `data`; the instance's path."""
    data = {"initializeParams": {"diskName": f"{name}-data", "diskSizeGb": "1"}, "deviceName": "data"}
    made(zone, name, disks=[*body_of(zone, "x")["disks"], data])
    return f"zones/{zone}/instances/{name}"


@ZONES
@pytest.mark.parametrize("state", ["running", "stopped"])
def test_data_disk(gce: Gce, made: Made, zone: str, state: str) -> None:
    """A detached data disk keeps its name and knows when it was attached and detached; nobody uses it."""
    vm = with_data(gce, made, zone, f"vm-{state}")
    path = f"zones/{zone}/disks/vm-{state}-data"
    before = gce.get(path)
    if state == "stopped":
        gce.done(gce.post(f"{vm}/stop"))
    operation = gce.done(gce.post(f"{vm}/detachDisk", deviceName="data"))
    assert (operation["operationType"], operation["targetLink"]) == ("detachDisk", gce.get(vm)["selfLink"])
    disk = gce.get(path)
    assert (disk["id"], "users" in disk) == (before["id"], False)
    assert disk["lastAttachTimestamp"] == before["lastAttachTimestamp"]
    detached = datetime.fromisoformat(disk["lastDetachTimestamp"])
    assert abs((datetime.now(UTC) - detached).total_seconds()) < 30
    assert len(gce.get(vm)["disks"]) == 1
    gce.done(gce.delete(path))


@ZONES
def test_boot_disk(gce: Gce, made: Made, zone: str) -> None:
    """The boot disk comes off a stopped instance alone, keeps its name and its image, and is listed."""
    made(zone, "vm-boot")
    vm = f"zones/{zone}/instances/vm-boot"
    refused = gce.refused("POST", f"{vm}/detachDisk", 400, deviceName="persistent-disk-0")
    assert "must be stopped" in refused["message"]
    gce.done(gce.post(f"{vm}/stop"))
    gce.done(gce.post(f"{vm}/detachDisk", deviceName="persistent-disk-0"))
    disk = gce.get(f"zones/{zone}/disks/vm-boot")
    assert ("users" in disk, "debian-12" in disk["sourceImage"]) == (False, True)
    assert disk in gce.items(f"zones/{zone}/disks")
    assert "disks" not in gce.get(vm)
    gce.done(gce.delete(f"zones/{zone}/disks/vm-boot"))


def test_unknown_device(gce: Gce, made: Made) -> None:
    """A device that the instance does not have is a 400 that names it; no instance is a 404."""
    made(VPC, "vm-plain")
    vm = f"zones/{VPC}/instances/vm-plain"
    assert "'sdz'" in gce.refused("POST", f"{vm}/detachDisk", 400, deviceName="sdz")["message"]
    gce.refused("POST", f"zones/{VPC}/instances/none/detachDisk", 404, deviceName="sdz")


@ZONES
def test_lost_answer(gce: Gce, made: Made, fault: Callable[..., None], zone: str) -> None:
    """An answer that was lost changes nothing of the end."""
    vm = with_data(gce, made, zone, "vm-lost")
    fault("detachVolume", "lost")
    gce.done(gce.post(f"{vm}/detachDisk", deviceName="data"))
    assert gce.get(f"zones/{zone}/disks/vm-lost-data")["lastDetachTimestamp"]
    gce.done(gce.delete(f"zones/{zone}/disks/vm-lost-data"))


def test_failure(gce: Gce, made: Made, ask: Ask, fault: Callable[..., None]) -> None:
    """When CloudStack cannot detach it, the operation says why and everything is as it was."""
    vm = with_data(gce, made, VPC, "vm-fails")
    before = gce.get(vm)
    fault("detachVolume", "job_failed", errortext="The guest holds it")
    operation = gce.finished(gce.post(f"{vm}/detachDisk", deviceName="data"))
    assert "The guest holds it" in operation["error"]["errors"][0]["message"]
    assert gce.get(vm)["disks"] == before["disks"]
    assert "lastDetachTimestamp" not in gce.get(f"zones/{VPC}/disks/vm-fails-data")
    gce.done(gce.post(f"{vm}/detachDisk", deviceName="data"))
    gce.done(gce.delete(f"zones/{VPC}/disks/vm-fails-data"))
