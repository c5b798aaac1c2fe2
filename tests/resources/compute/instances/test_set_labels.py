"""instances.setLabels by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_labels_are_replaced(gce: Gce, made: Made, zone: str) -> None:
    """The labels sent are the labels shown, empty values too; nothing else changes."""
    before = made(zone, "vm-labels", labels={"a": "1", "gone": "x"})
    path = f"zones/{zone}/instances/vm-labels"
    body = {"labels": {"a": "2", "empty": ""}, "labelFingerprint": before["labelFingerprint"]}
    assert gce.done(gce.post(f"{path}/setLabels", body))["operationType"] == "setLabels"
    after = gce.get(path)
    assert after["labels"] == {"a": "2", "empty": ""}
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"labels", "labelFingerprint", "fingerprint"}
    gce.done(gce.post(f"{path}/setLabels", {"labels": {}, "labelFingerprint": after["labelFingerprint"]}))
    assert "labels" not in gce.get(path)


def test_refused(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """An old fingerprint is a 412, a label that is none a 400; labels that could not be made are put back."""
    before = made(VPC, "vm-labels", labels={"a": "1"})
    path = f"zones/{VPC}/instances/vm-labels"
    stale = {"labels": {"a": "2"}, "labelFingerprint": "AAAAAAAAAAA="}
    assert gce.refused("POST", f"{path}/setLabels", 412, stale)["reason"] == "conditionNotMet"
    gce.refused("POST", f"{path}/setLabels", 400, {"labels": {"UPPER": "x"}})
    fault("createTags", "job_failed", errortext="No more tags")
    failed = gce.finished(gce.post(f"{path}/setLabels", {"labels": {"a": "2"}}))
    assert "No more tags" in failed["error"]["errors"][0]["message"]
    assert gce.get(path) == before
