"""Disks attached, detached, and going with their machine or not, by the front door."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]
Disk = Callable[[str, str], str]


@pytest.fixture
def disk(gce: Gce) -> Iterator[Disk]:
    """Make blank disks, which are deleted when the test ends: `disk(zone, name)` gives the path."""
    made: list[str] = []

    def making(zone: str, name: str) -> str:
        gce.done(gce.post(f"zones/{zone}/disks", {"name": name, "sizeGb": "1"}))
        made.append(f"zones/{zone}/disks/{name}")
        return made[-1]

    yield making
    for path in made:
        for user in gce.call("GET", path).json().get("users", []):
            vm = user.split("/projects/demo/")[1]
            shown = next(one for one in gce.get(vm)["disks"] if one["source"].endswith(path))
            gce.done(gce.post(f"{vm}/detachDisk", deviceName=shown["deviceName"]))
        if gce.call("GET", path).ok:
            gce.done(gce.delete(path))


def attached(gce: Gce, vm: str, source: str, **fields: Any) -> dict[str, Any]:
    gce.done(gce.post(f"{vm}/attachDisk", {"source": source, **fields}))
    found: dict[str, Any] = next(one for one in gce.get(vm)["disks"] if one["source"].endswith(source))
    return found


@ZONES
def test_running_and_stopped(gce: Gce, made: Made, disk: Disk, zone: str) -> None:
    """A disk is attached to a running and to a stopped instance, as it was asked for, and shows its user."""
    vm = f"zones/{zone}/instances/vm-takes"
    made(zone, "vm-takes")
    first = attached(gce, vm, disk(zone, "run"), deviceName="sdb", autoDelete=True, mode="READ_WRITE")
    assert (first["deviceName"], first["autoDelete"], first["boot"], first["index"]) == ("sdb", True, False, 1)
    shown = gce.get(f"zones/{zone}/disks/run")
    assert shown["users"] == [gce.get(vm)["selfLink"]]
    assert shown["lastAttachTimestamp"]
    gce.done(gce.post(f"{vm}/stop"))
    second = attached(gce, vm, disk(zone, "rest"))
    assert (second["deviceName"], second["autoDelete"], second["index"]) == ("persistent-disk-2", False, 2)
    refused = gce.refused("POST", f"{vm}/attachDisk", 400, {"source": f"zones/{zone}/disks/rest"})
    assert refused["reason"] == "resourceInUseByAnotherResource"
    refused = gce.refused("DELETE", f"zones/{zone}/disks/rest", 400)
    assert refused["reason"] == "resourceInUseByAnotherResource"


@ZONES
def test_boot_disk_returns(gce: Gce, made: Made, zone: str) -> None:
    """A boot disk that was taken off returns as the boot disk, with its name, and the instance starts again."""
    vm = f"zones/{zone}/instances/vm-boots"
    made(zone, "vm-boots")
    gce.done(gce.post(f"{vm}/stop"))
    gce.done(gce.post(f"{vm}/detachDisk", deviceName="persistent-disk-0"))
    shown = attached(gce, vm, f"zones/{zone}/disks/vm-boots", boot=True, autoDelete=True, deviceName="root")
    assert (shown["boot"], shown["deviceName"], shown["index"]) == (True, "root", 0)
    gce.done(gce.post(f"{vm}/start"))
    assert gce.get(vm)["status"] == "RUNNING"


def test_boot_disk_of_a_machine_that_has_one(gce: Gce, made: Made, disk: Disk) -> None:
    """There is one boot disk, and none comes to a running machine."""
    made(VPC, "vm-full")
    body = {"source": disk(VPC, "second"), "boot": True}
    refused = gce.refused("POST", f"zones/{VPC}/instances/vm-full/attachDisk", 400, body)
    assert "already has a boot disk" in refused["message"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({}, 400, "source"),
        ({"source": f"zones/{VPC}/disks/none"}, 404, "none"),
        ({"source": f"zones/{BASIC}/disks/none"}, 400, "must be in zone"),
        ({"source": f"zones/{VPC}/disks/vm-refuses"}, 400, "already being used"),
        ({"mode": "READ_ONLY"}, 400, "mode"),
        ({"type": "SCRATCH"}, 400, "type"),
        ({"forceAttach": True}, 400, "forceAttach"),
        ({"deviceName": "persistent-disk-0"}, 400, "deviceName"),
        ({"deviceName": "a b"}, 400, "deviceName"),
        ({"initializeParams": {"diskSizeGb": "5"}}, 400, "initializeParams"),
        ({"diskEncryptionKey": {"rawKey": "eA=="}}, 400, "diskEncryptionKey"),
    ],
)
def test_refused(gce: Gce, made: Made, disk: Disk, body: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field is named."""
    made(VPC, "vm-refuses")
    free = disk(VPC, "free")
    sent = body if not body or "source" in body else {"source": free, **body}
    refused = gce.refused("POST", f"zones/{VPC}/instances/vm-refuses/attachDisk", status, sent)
    assert word in refused["message"]
    assert "users" not in gce.get(free)


def test_another_size_is_refused(gce: Gce, made: Made, disk: Disk) -> None:
    """Attaching grows no disk: another size is refused, here and at instances.insert; its own may be sent."""
    made(VPC, "vm-size")
    source = disk(VPC, "one-gb")
    path = f"zones/{VPC}/instances/vm-size/attachDisk"
    refused = gce.refused("POST", path, 400, {"source": source, "diskSizeGb": "50"})
    assert "resource.diskSizeGb" in refused["message"]
    disks = [*body_of(VPC, "x")["disks"], {"source": source, "diskSizeGb": "50"}]
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-no", disks=disks))
    assert "disks[1].diskSizeGb" in refused["message"]
    gce.done(gce.post(path, {"source": source, "diskSizeGb": "1"}))


def test_force_as_a_parameter(gce: Gce, made: Made, disk: Disk) -> None:
    """Only regional disks can be forced, and there are none."""
    made(VPC, "vm-forced")
    body = {"source": disk(VPC, "free")}
    refused = gce.refused("POST", f"zones/{VPC}/instances/vm-forced/attachDisk", 400, body, forceAttach="true")
    assert "regional" in refused["message"]


def test_two_instances_want_one_disk(gce: Gce, made: Made, disk: Disk) -> None:
    """Of two requests for one disk, sent at once, exactly one gets it."""
    for name in ("vm-one", "vm-two"):
        made(VPC, name)
    body = {"source": disk(VPC, "wanted")}
    answers = [gce.call("POST", f"zones/{VPC}/instances/{name}/attachDisk", body) for name in ("vm-one", "vm-two")]
    assert [answer.status_code for answer in answers] == [200, 400]
    gce.done(answers[0].json())
    assert gce.get(body["source"])["users"] == [gce.get(f"zones/{VPC}/instances/vm-one")["selfLink"]]


@ZONES
def test_lost_answer(gce: Gce, made: Made, ask: Ask, disk: Disk, fault: Callable[..., None], zone: str) -> None:
    """An answer that was lost changes nothing of the end."""
    made(zone, "vm-lost")
    path = disk(zone, "lost")
    fault("attachVolume", "lost")
    shown = attached(gce, f"zones/{zone}/instances/vm-lost", path, deviceName="sdb")
    assert shown["deviceName"] == "sdb"
    assert ask("listVolumes", name="lost")["count"] == 1


def test_failure(gce: Gce, made: Made, disk: Disk, fault: Callable[..., None]) -> None:
    """When CloudStack cannot attach it, the operation says why and the disk is free."""
    made(VPC, "vm-fails")
    path = disk(VPC, "unlucky")
    fault("attachVolume", "job_failed", errortext="No more slots")
    operation = gce.finished(gce.post(f"zones/{VPC}/instances/vm-fails/attachDisk", {"source": path}))
    assert "No more slots" in operation["error"]["errors"][0]["message"]
    assert "users" not in gce.get(path)


def test_auto_delete_is_honoured(gce: Gce, disk: Disk) -> None:
    """A disk that was attached to go with its instance goes with it; others stay."""
    vm = f"zones/{VPC}/instances/vm-ends"
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-ends")))
    attached(gce, vm, disk(VPC, "goes"), autoDelete=True)
    attached(gce, vm, disk(VPC, "stays"))
    gce.done(gce.delete(vm))
    gce.refused("GET", f"zones/{VPC}/disks/goes", 404)
    assert "users" not in gce.get(f"zones/{VPC}/disks/stays")


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
def test_lost_answer_of_a_detachment(gce: Gce, made: Made, fault: Callable[..., None], zone: str) -> None:
    """An answer that was lost changes nothing of the end."""
    vm = with_data(gce, made, zone, "vm-lost")
    fault("detachVolume", "lost")
    gce.done(gce.post(f"{vm}/detachDisk", deviceName="data"))
    assert gce.get(f"zones/{zone}/disks/vm-lost-data")["lastDetachTimestamp"]
    gce.done(gce.delete(f"zones/{zone}/disks/vm-lost-data"))


def test_failed_detachment(gce: Gce, made: Made, ask: Ask, fault: Callable[..., None]) -> None:
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


def test_flag_is_set_and_honoured(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """The flag is shown, and the operation is done at once."""
    made(VPC, "vm-flag")
    path = f"zones/{VPC}/instances/vm-flag"
    for wanted in (False, True):
        flag = str(wanted).lower()
        operation = gce.post(f"{path}/setDiskAutoDelete", autoDelete=flag, deviceName="persistent-disk-0")
        assert (operation["status"], operation["operationType"]) == ("DONE", "setDiskAutoDelete")
        assert gce.get(path)["disks"][0]["autoDelete"] is wanted


def test_auto_delete_of_an_unknown_device(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A device that the instance does not have is a 400 that names it; an instance that is not there a 404."""
    made(VPC, "vm-flag")
    path = f"zones/{VPC}/instances/vm-flag/setDiskAutoDelete"
    assert "'sdz'" in gce.refused("POST", path, 400, autoDelete="true", deviceName="sdz")["message"]
    other = f"zones/{VPC}/instances/none/setDiskAutoDelete"
    gce.refused("POST", other, 404, autoDelete="true", deviceName="sdz")


def test_several_at_once(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """What `gcloud compute instances delete --delete-disks=all` sends at once is done in turn, none is refused."""
    more = [{"initializeParams": {"diskSizeGb": "1"}, "deviceName": f"d{number}"} for number in range(12)]
    made(VPC, "vm-flags", disks=[*body_of(VPC, "x")["disks"], *more])
    path = f"zones/{VPC}/instances/vm-flags"

    def flag(number: int) -> None:
        gce.done(gce.post(f"{path}/setDiskAutoDelete", autoDelete="true", deviceName=f"d{number}"))

    with ThreadPoolExecutor(len(more)) as pool:
        list(pool.map(flag, range(len(more))))
    assert all(disk["autoDelete"] for disk in gce.get(path)["disks"])
