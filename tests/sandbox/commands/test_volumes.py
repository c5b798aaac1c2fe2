"""Volumes."""

from __future__ import annotations

from typing import Any

GIB = 1024**3


def test_new_volume_is_allocated(demo: Any, seeds: Any) -> None:
    """Sizes are sent in GB and answered in bytes; a new volume is Allocated; names may repeat."""
    first, second = (seeds.volume(demo, "twin", size=10) for _ in range(2))
    assert (first["size"], first["state"], first["id"] != second["id"]) == (10 * GIB, "Allocated", True)
    assert demo.ok("listVolumes", name="TWIN")["count"] == 2


def test_attached_volume(demo: Any, seeds: Any) -> None:
    """An attached volume has a device, cannot be deleted or attached again, and comes off a running machine."""
    machine, volume = seeds.machine(demo, "carrier"), seeds.volume(demo, "carried")["id"]
    attached = demo.ok("attachVolume", id=volume, virtualmachineid=machine["id"])["volume"]
    assert (attached["deviceid"], attached["vmname"], attached["state"]) == (1, "carrier", "Ready")
    assert demo.failure("deleteVolume", id=volume)[0] == 431
    assert demo.failure("attachVolume", id=volume, virtualmachineid=machine["id"])[0] == 431
    assert "virtualmachineid" not in demo.ok("detachVolume", id=volume)["volume"]
    assert demo.failure("detachVolume", id=volume)[0] == 431
    assert demo.ok("deleteVolume", id=volume) == {"success": True}


def test_zones_do_not_mix(demo: Any, seeds: Any) -> None:
    """A volume of another zone cannot be attached."""
    machine = seeds.machine(demo, "here")
    volume = seeds.volume(demo, "there", zoneid=seeds.east)["id"]
    assert demo.failure("attachVolume", id=volume, virtualmachineid=machine["id"])[0] == 431


def test_root_volume_leaves_a_stopped_machine_and_returns(demo: Any, seeds: Any) -> None:
    """Detached from a stopped machine a root volume is a data disk; with deviceid=0 it is the root again."""
    machine = seeds.machine(demo, "boot")
    root = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["id"]
    assert demo.failure("detachVolume", id=root)[0] == 431
    demo.ok("stopVirtualMachine", id=machine["id"])
    assert demo.ok("detachVolume", id=root)["volume"]["type"] == "DATADISK"
    assert demo.failure("startVirtualMachine", id=machine["id"])[0] == 530
    again = demo.ok("attachVolume", id=root, virtualmachineid=machine["id"], deviceid=0)["volume"]
    assert (again["type"], again["deviceid"]) == ("ROOT", 0)
    assert demo.ok("startVirtualMachine", id=machine["id"])["virtualmachine"]["state"] == "Running"


def test_root_volume_of_a_machine_that_never_ran(demo: Any, seeds: Any) -> None:
    """The template comes on storage when the machine starts: before, its volume is Allocated, detached too."""
    machine = seeds.machine(demo, "never-ran", startvm=False)
    root = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]
    assert (root["state"], demo.ok("detachVolume", id=root["id"])["volume"]["state"]) == ("Allocated", "Allocated")


def test_sizes_grow(demo: Any, seeds: Any) -> None:
    """A custom volume grows; shrinking needs shrinkok; a fixed size needs another offering."""
    volume = seeds.volume(demo, "growing", size=10)["id"]
    assert demo.ok("resizeVolume", id=volume, size=20)["volume"]["size"] == 20 * GIB
    assert demo.failure("resizeVolume", id=volume, size=5)[0] == 432
    assert demo.ok("resizeVolume", id=volume, size=5, shrinkok=True)["volume"]["size"] == 5 * GIB
    fixed = {"zoneid": seeds.basic, "name": "fixed", "diskofferingid": seeds.disks["Small"]}
    small = demo.ok("createVolume", **fixed)["volume"]["id"]
    assert demo.failure("resizeVolume", id=small, size=20)[0] == 431
    grown = demo.ok("resizeVolume", id=small, diskofferingid=seeds.disks["Medium"])["volume"]
    assert (grown["size"], grown["diskofferingname"]) == (20 * GIB, "Medium")


def test_destroyed_volume_is_recovered(demo: Any, seeds: Any) -> None:
    """A volume that was on storage is in state Destroy and can be recovered; a blank one can only be expunged."""
    volume = seeds.volume(demo, "recovered")["id"]
    assert demo.failure("destroyVolume", id=volume)[0] == 431
    machine = seeds.machine(demo, "recovering")["id"]
    demo.ok("attachVolume", id=volume, virtualmachineid=machine)
    demo.ok("detachVolume", id=volume)
    assert demo.ok("destroyVolume", id=volume)["volume"]["state"] == "Destroy"
    assert demo.ok("recoverVolume", id=volume)["volume"]["state"] == "Ready"


def test_volumes_of_a_data_disk_snapshot(demo: Any, seeds: Any) -> None:
    """No offering may be sent, the size is ignored: offering and size are the snapshot's, and resizing works."""
    volume, machine = seeds.volume(demo, "source", size=3)["id"], seeds.machine(demo, "source-vm")["id"]
    assert demo.failure("createSnapshot", volumeid=volume)[0] == 431  # never on storage
    demo.ok("attachVolume", id=volume, virtualmachineid=machine)
    snapshot = demo.ok("createSnapshot", volumeid=volume)["snapshot"]["id"]
    sent = {"name": "copy", "snapshotid": snapshot, "size": 9}
    assert demo.failure("createVolume", diskofferingid=seeds.disks["Custom"], **sent)[0] == 431
    copy = demo.ok("createVolume", **sent)["volume"]
    assert (copy["size"], copy["diskofferingname"], copy["snapshotid"]) == (3 * GIB, "Custom", snapshot)
    assert "snapshotid" not in demo.ok("listVolumes", id=copy["id"])["volume"][0]
    assert demo.ok("resizeVolume", id=copy["id"], size=9)["volume"]["size"] == 9 * GIB


def test_volumes_of_a_root_disk_snapshot(demo: Any, seeds: Any) -> None:
    """With an offering and a size the volume gets them, without an offering it has none."""
    machine = seeds.machine(demo, "rooted")["id"]
    root = demo.ok("listVolumes", virtualmachineid=machine)["volume"][0]["id"]
    snapshot = demo.ok("createSnapshot", volumeid=root)["snapshot"]["id"]
    bare = demo.ok("createVolume", name="bare", snapshotid=snapshot)["volume"]
    assert "diskofferingid" not in bare
    custom = {"diskofferingid": seeds.disks["Custom"], "size": 5}
    shown = demo.ok("createVolume", name="sized", snapshotid=snapshot, **custom)["volume"]
    assert (shown["size"], shown["diskofferingname"]) == (5 * GIB, "Custom")


def test_offering_of_a_volume_changes(demo: Any, seeds: Any) -> None:
    """Another offering brings its size, but does not shrink a volume unasked."""
    volume = seeds.volume(demo, "reoffered", size=3)["id"]
    assert (
        demo.ok("changeOfferingForVolume", id=volume, diskofferingid=seeds.disks["Small"])["volume"]["size"] == 5 * GIB
    )
    smaller = {"diskofferingid": seeds.disks["Custom"], "size": 1}
    assert demo.failure("changeOfferingForVolume", id=volume, **smaller)[0] == 431
