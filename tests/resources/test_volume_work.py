"""Steps with volumes: facts of a disk that nobody has; the steps themselves are tested with disks and instances."""

from datetime import UTC, datetime

from gstack.resources.volume_work import detached_facts


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
