"""Snapshots when things go wrong on the way."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE

PATH = "global/snapshots"


@pytest.mark.parametrize("command", ["createSnapshot", "createTags"])
def test_failure_leaves_nothing(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None], command: str) -> None:
    """When a step fails the operation says why, no snapshot is left in any state, and the name is free."""
    name = f"fails-{command.lower()}"
    body = {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}", "labels": {"a": "b"}}
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(PATH, body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    assert operation["httpErrorStatusCode"] >= 400
    assert "warnings" not in operation
    assert "snapshot" not in ask("listSnapshots", name=name)
    gce.refused("GET", f"{PATH}/{name}", 404)
    gce.done(gce.post(PATH, body))


@pytest.mark.parametrize("command", ["createSnapshot", "createTags", "deleteTags", "deleteSnapshot"])
def test_lost_answers(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None], command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice or left undone."""
    name = f"lost-{command.lower()}"
    fault(command, "lost")
    gce.done(gce.post(PATH, {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}", "labels": {"a": "b"}}))
    assert len(ask("listSnapshots", name=name)["snapshot"]) == 1
    shown = gce.get(f"{PATH}/{name}")
    assert (shown["status"], shown["labels"]) == ("READY", {"a": "b"})
    body = {"labels": {"c": "d"}, "labelFingerprint": shown["labelFingerprint"]}
    gce.done(gce.post(f"{PATH}/{name}/setLabels", body))
    assert gce.get(f"{PATH}/{name}")["labels"] == {"c": "d"}
    gce.done(gce.delete(f"{PATH}/{name}"))
    gce.refused("GET", f"{PATH}/{name}", 404)


def test_what_cannot_be_removed_is_named(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Where the undo fails too, a warning names the snapshot that stays."""
    fault("createTags", "job_failed")
    fault("deleteSnapshot", "job_failed")
    body = {"name": "snap-stays", "sourceDisk": f"zones/{ZONE}/disks/{disk}", "labels": {"a": "b"}}
    operation = gce.finished(gce.post(PATH, body))
    assert "snap-stays" in operation["warnings"][0]["message"]
    assert len(ask("listSnapshots", name="snap-stays")["snapshot"]) == 1
    gce.done(gce.delete(f"{PATH}/snap-stays"))


def test_a_failed_deletion_changes_nothing(gce: Gce, disk: str, fault: Callable[..., None]) -> None:
    """When CloudStack does not delete, the snapshot stays as it was."""
    gce.done(gce.post(PATH, {"name": "snap-kept", "sourceDisk": f"zones/{ZONE}/disks/{disk}", "description": "d"}))
    before = gce.get(f"{PATH}/snap-kept")
    fault("deleteSnapshot", "job_failed")
    assert "error" in gce.finished(gce.delete(f"{PATH}/snap-kept"))
    assert gce.get(f"{PATH}/snap-kept") == before


def test_others_of_the_name_stay(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Snapshots that somebody took by hand under the name are no part of what a failed operation takes back."""
    volume = ask("listVolumes", name=disk)["volume"][0]["id"]
    for _ in range(2):
        ask("createSnapshot", volumeid=volume, name="twin-snap")
    before = _ids(ask, "twin-snap")
    assert len(before) == 2
    body = {"name": "twin-snap", "sourceDisk": f"zones/{ZONE}/disks/{disk}"}
    fault("createSnapshot", "job_failed")
    assert "error" in gce.finished(gce.post(PATH, body))
    assert _ids(ask, "twin-snap") == before
    fault("createSnapshot", "drop")
    gce.done(gce.post(PATH, body))
    assert len(_ids(ask, "twin-snap") - before) == 1


def test_two_at_once(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Of two requests for one name the second takes nothing, however long its checks took."""
    body = {"name": "snap-race", "sourceDisk": f"zones/{ZONE}/disks/{disk}"}
    fault("listVolumes", "slow", seconds=3)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(lambda: gce.call("POST", PATH, body).json())
        time.sleep(0.6)
        gce.done(gce.post(PATH, body))
        operation = gce.finished(slow.result())
    assert operation["httpErrorStatusCode"] == 409
    assert len(_ids(ask, "snap-race")) == 1


def _ids(ask: Ask, name: str) -> set[str]:
    return {one["id"] for one in ask("listSnapshots", name=name).get("snapshot", [])}


def temporary(ask: Ask) -> list[dict[str, Any]]:
    """CloudStack's temporary snapshots."""
    return [one for one in ask("listSnapshots").get("snapshot", []) if one["name"].startswith("gstack.image.")]


def copied(gce: Gce, disk: str, name: str) -> dict[str, Any]:
    return gce.finished(gce.post(f"zones/{ZONE}/disks", {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}"}))


def test_a_temporary_one_that_stays_is_named(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """The copy is made; that its snapshot is left is a warning with its id, and it is shown to nobody."""
    before = gce.items("global/snapshots")
    fault("deleteSnapshot", "job_failed", errortext="Busy")
    operation = copied(gce, disk, "copy-left")
    assert "error" not in operation
    (left,) = temporary(ask)
    assert left["id"] in operation["warnings"][0]["message"]
    assert gce.items("global/snapshots") == before
    ask("deleteSnapshot", id=left["id"])


def test_a_temporary_one_that_fails(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Where no snapshot can be taken there is no copy, and nothing is left of either."""
    fault("createSnapshot", "job_failed", errortext="No secondary storage")
    operation = copied(gce, disk, "copy-none")
    assert "No secondary storage" in operation["error"]["errors"][0]["message"]
    assert temporary(ask) == []
    gce.refused("GET", f"zones/{ZONE}/disks/copy-none", 404)


def test_a_stale_temporary_one_is_never_used(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """What one operation left behind has old data: the next of the same name takes its own, and leaves the other."""
    fault("deleteSnapshot", "job_failed")
    copied(gce, disk, "copy-again")
    gce.done(gce.delete(f"zones/{ZONE}/disks/copy-again"))
    (stale,) = temporary(ask)
    fault("createSnapshot", "lost")
    fault("deleteSnapshot", "job_failed")
    assert "error" not in copied(gce, disk, "copy-again")
    left = {one["id"]: one["name"] for one in temporary(ask)}
    assert len(set(left.values())) == 2
    assert stale["id"] in left
    for snapshot_id in left:
        ask("deleteSnapshot", id=snapshot_id)
