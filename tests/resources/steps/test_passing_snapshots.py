"""Snapshots on the way to a copy, seen from outside: taken, used, dropped."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE


def copied(gce: Gce, disk: str, name: str) -> dict[str, Any]:
    return gce.finished(gce.post(f"zones/{ZONE}/disks", {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}"}))


def test_one_that_would_not_go_is_told(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """The copy is made; that its snapshot is left is a warning with its id, and it is shown to nobody."""
    fault("deleteSnapshot", "job_failed", errortext="Busy")
    operation = copied(gce, disk, "copy-left")
    assert "error" not in operation
    (left,) = ask("listSnapshots")["snapshot"]
    assert left["id"] in operation["warnings"][0]["message"]
    assert gce.items("global/snapshots") == []
    ask("deleteSnapshot", id=left["id"])


def test_one_that_fails(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Where no snapshot can be taken there is no copy, and nothing is left of either."""
    fault("createSnapshot", "job_failed", errortext="No secondary storage")
    operation = copied(gce, disk, "copy-none")
    assert "No secondary storage" in operation["error"]["errors"][0]["message"]
    assert "snapshot" not in ask("listSnapshots")
    gce.refused("GET", f"zones/{ZONE}/disks/copy-none", 404)


def test_a_stale_one_is_never_used(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """What one operation left behind has old data: the next of the same name takes its own, and leaves the other."""
    fault("deleteSnapshot", "job_failed")
    copied(gce, disk, "copy-again")
    gce.done(gce.delete(f"zones/{ZONE}/disks/copy-again"))
    (stale,) = ask("listSnapshots")["snapshot"]
    fault("createSnapshot", "lost")
    fault("deleteSnapshot", "job_failed")
    assert "error" not in copied(gce, disk, "copy-again")
    left = {one["id"]: one["name"] for one in ask("listSnapshots")["snapshot"]}
    assert len(set(left.values())) == 2
    assert stale["id"] in left
    for snapshot_id in left:
        ask("deleteSnapshot", id=snapshot_id)
