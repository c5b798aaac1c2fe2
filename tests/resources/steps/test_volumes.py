"""Steps with volumes: facts of a disk that nobody has; the steps themselves are tested with disks and instances."""

from collections.abc import Callable
from datetime import UTC, datetime

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE
from gstack.resources.steps.volumes import detached_facts


def test_detached_facts() -> None:
    """A detached disk keeps its name and when it was attached, and forgets its place in the machine."""
    before = datetime.now(UTC)
    facts = detached_facts("boot", "2026-11-22T10:00:00.000+00:00")
    detached = datetime.fromisoformat(facts.pop("last_detach"))
    assert (detached - before).total_seconds() < 5
    assert facts == {
        "name": "boot",
        "last_attach": "2026-11-22T10:00:00.000+00:00",
        "auto_delete": None,
        "device_name": None,
    }
    assert detached_facts("d", "")["last_attach"] is None


def test_others_of_the_name_stay(gce: Gce, ask: Ask, fault: Callable[..., None]) -> None:
    """Volumes that somebody made by hand under the name become no disk of ours, and no failure removes them."""
    for _ in range(2):
        _by_hand(ask, "solo")
    before = _ids(ask, "solo")
    assert len(before) == 2
    body = {"name": "solo", "sizeGb": "5", "labels": {"a": "b"}}
    fault("createVolume", "job_failed")
    assert "error" in gce.finished(gce.post(f"zones/{ZONE}/disks", body))
    assert _ids(ask, "solo") == before
    fault("createVolume", "drop")
    gce.done(gce.post(f"zones/{ZONE}/disks", body))
    assert len(_ids(ask, "solo") - before) == 1
    assert gce.get(f"zones/{ZONE}/disks/solo")["sizeGb"] == "5"


def _by_hand(ask: Ask, name: str) -> None:
    offerings = ask("listDiskOfferings")["diskoffering"]
    custom = next(one["id"] for one in offerings if one["iscustomized"])
    zones = {one["name"]: one["id"] for one in ask("listZones")["zone"]}
    ask("createVolume", name=name, zoneid=zones[ZONE], diskofferingid=custom, size=1)


def _ids(ask: Ask, name: str) -> set[str]:
    return {one["id"] for one in ask("listVolumes", name=name).get("volume", [])}
