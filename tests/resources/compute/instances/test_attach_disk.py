"""instances.attachDisk by the front door, in both kinds of zones."""

from collections.abc import Callable, Iterator
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
    assert "has a boot disk already" in refused["message"]


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
