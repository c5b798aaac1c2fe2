"""Snapshots."""

from __future__ import annotations

from typing import Any

GIB = 1024**3


def ready_volume(demo: Any, seeds: Any, name: str) -> str:
    """Return a volume that was attached once: only then is it Ready."""
    machine, volume = seeds.machine(demo, name), seeds.volume(demo, name)["id"]
    demo.ok("attachVolume", id=volume, virtualmachineid=machine["id"])
    return str(volume)


def test_snapshot_makes_a_volume(demo: Any, seeds: Any) -> None:
    """A volume from a snapshot has its size and is Ready."""
    volume = ready_volume(demo, seeds, "origin")
    snapshot = demo.ok("createSnapshot", volumeid=volume, name="snap")["snapshot"]
    assert (snapshot["state"], snapshot["snapshottype"]) == ("BackedUp", "MANUAL")
    made = demo.ok("createVolume", name="copy", snapshotid=snapshot["id"], zoneid=seeds.basic)["volume"]
    assert (made["size"], made["state"], made["snapshotid"]) == (5 * GIB, "Ready", snapshot["id"])


def test_deleted_snapshot_is_in_no_list(demo: Any, seeds: Any) -> None:
    """A deleted snapshot is not listed, and deleting it again fails its job with 431."""
    snapshot = demo.ok("createSnapshot", volumeid=ready_volume(demo, seeds, "short"))["snapshot"]["id"]
    demo.ok("deleteSnapshot", id=snapshot)
    assert demo.ok("listSnapshots", id=snapshot) == {}
    assert demo.failure("deleteSnapshot", id=snapshot)[0] == 431


def test_empty_volume_has_no_snapshot(demo: Any, seeds: Any) -> None:
    """A volume that was never attached cannot be snapshotted."""
    assert demo.failure("createSnapshot", volumeid=seeds.volume(demo, "empty")["id"])[0] == 431


def test_revert_needs_a_stopped_machine(demo: Any, seeds: Any) -> None:
    """A snapshot goes back onto its volume only while the machine is stopped."""
    volume = ready_volume(demo, seeds, "reverted")
    snapshot = demo.ok("createSnapshot", volumeid=volume)["snapshot"]["id"]
    assert demo.failure("revertSnapshot", id=snapshot)[0] == 431
    demo.ok("detachVolume", id=volume)
    assert demo.ok("revertSnapshot", id=snapshot)["snapshot"]["id"] == snapshot


def test_snapshots_are_manual(demo: Any, seeds: Any) -> None:
    """Lists by another type or interval find nothing."""
    machine = seeds.machine(demo, "manual")["id"]
    root = demo.ok("listVolumes", virtualmachineid=machine)["volume"][0]["id"]
    demo.ok("createSnapshot", volumeid=root)
    assert demo.ok("listSnapshots", volumeid=root, snapshottype="manual")["count"] == 1
    assert demo.ok("listSnapshots", volumeid=root, snapshottype="recurring") == {}
    assert demo.ok("listSnapshots", volumeid=root, intervaltype="daily") == {}
