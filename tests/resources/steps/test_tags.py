"""How tags change: which go and which come, and what happens when that fails half-way."""

from collections.abc import Callable

from fixtures.gce import Gce
from fixtures.storage import ZONE
from gstack.resources.steps.tags import plan

FAMILY, ENV, TEAM = ({"key": key, "value": value} for key, value in (("family", "f"), ("env", "dev"), ("team", "red")))


def test_labels_are_replaced_beside_our_own() -> None:
    """Labels that are not wanted go, changed ones go and come, our own keys stay."""
    goes, comes = plan([FAMILY, ENV, TEAM], {"env": "prod", "empty": ""}, {})
    assert goes == [ENV, TEAM]
    assert comes == [{"key": "empty", "value": "(empty)"}, {"key": "env", "value": "prod"}]


def test_our_own_beside_labels() -> None:
    """Our own keys change alone, and an empty value removes one; what is as it should be is not touched."""
    assert plan([FAMILY, ENV], None, {"family": "g"}) == ([FAMILY], [{"key": "family", "value": "g"}])
    assert plan([FAMILY, ENV], None, {"family": ""}) == ([FAMILY], [])
    assert plan([FAMILY, ENV], {"env": "dev"}, {"family": "f"}) == ([], [])


def test_labels_are_put_back(gce: Gce, disk: str, fault: Callable[..., None]) -> None:
    """When the new labels cannot be made after the old ones went, the old ones come back."""
    path = "global/snapshots/snap-tags"
    body = {"name": "snap-tags", "sourceDisk": f"zones/{ZONE}/disks/{disk}", "labels": {"a": "1", "b": "2"}}
    gce.done(gce.post("global/snapshots", body))
    before = gce.get(path)
    fault("createTags", "job_failed")
    wanted = {"labels": {"a": "3"}, "labelFingerprint": before["labelFingerprint"]}
    assert "error" in gce.finished(gce.post(f"{path}/setLabels", wanted))
    assert gce.get(path) == before
