"""disks.setLabels and disks.update by the front door."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask

VPC = "sandbox-east1-a"
PATH = f"zones/{VPC}/disks/d"


@pytest.fixture
def disk(gce: Gce) -> Iterator[dict[str, Any]]:
    """A disk of 2 GB with a label."""
    body = {"name": "d", "sizeGb": "2", "labels": {"env": "dev", "old": ""}, "description": "first"}
    gce.done(gce.post(f"zones/{VPC}/disks", body))
    shown: dict[str, Any] = gce.get(PATH)
    yield shown
    gce.done(gce.delete(PATH))


def test_set_labels(gce: Gce, ask: Ask, disk: dict[str, Any]) -> None:
    """Labels are replaced as a whole, and are CloudStack's tags; the fingerprint changes with them."""
    body = {"labels": {"env": "prod", "new": "x"}, "labelFingerprint": disk["labelFingerprint"]}
    operation = gce.done(gce.post(f"{PATH}/setLabels", body))
    assert operation["operationType"] == "setLabels"
    shown = gce.get(PATH)
    assert shown["labels"] == {"env": "prod", "new": "x"}
    assert shown["labelFingerprint"] != disk["labelFingerprint"]
    tags = ask("listVolumes", name="d")["volume"][0]["tags"]
    assert {tag["key"]: tag["value"] for tag in tags} == {"env": "prod", "new": "x"}
    refused = gce.refused("POST", f"{PATH}/setLabels", 412, body)
    assert refused["reason"] == "conditionNotMet"
    gce.done(gce.post(f"{PATH}/setLabels", {"labels": {}}))
    assert "labels" not in gce.get(PATH)


@pytest.mark.parametrize(
    ("params", "body", "expected"),
    [
        ({}, {"sizeGb": "3"}, {"sizeGb": "3", "description": "first"}),
        ({}, {"labels": {"a": "b"}, "description": "second"}, {"labels": {"a": "b"}, "description": "second"}),
        ({}, {"sizeGb": "3", "description": None, "licenses": None}, {"sizeGb": "3", "description": None}),
        ({"paths": "sizeGb"}, {"sizeGb": "4", "description": "ignored"}, {"sizeGb": "4", "description": "first"}),
        ({"updateMask": "size_gb"}, {"sizeGb": "4", "name": "ignored"}, {"sizeGb": "4", "name": "d"}),
    ],
)
def test_update(gce: Gce, disk: dict[str, Any], params: dict[str, str], body: Any, expected: dict[str, Any]) -> None:
    """Size, labels and description change; a mask says which fields of the body count."""
    gce.done(gce.call("PATCH", PATH, body, **params).json())
    shown = gce.get(PATH)
    assert {name: shown.get(name) for name in expected} == expected


def test_cleared(gce: Gce, disk: dict[str, Any]) -> None:
    """A field that the mask names and the body does not have is cleared."""
    gce.done(gce.call("PATCH", PATH, {}, updateMask="labels,description").json())
    assert not {"labels", "description"} & gce.get(PATH).keys()


def test_what_was_read_may_be_sent_back(gce: Gce, disk: dict[str, Any]) -> None:
    """The whole disk as it was read, with one field changed, changes that field."""
    gce.done(gce.call("PATCH", PATH, disk | {"sizeGb": "3"}).json())
    assert gce.get(PATH)["sizeGb"] == "3"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"name": "other"}, 400, "resource.name"),
        ({"type": f"zones/{VPC}/diskTypes/pd-ssd"}, 400, "resource.type"),
        ({"type": f"zones/{VPC}/machineTypes/pd-standard"}, 400, "resource.type"),
        ({"provisionedIops": "100"}, 400, "provisionedIops"),
        ({"sizeGb": "1"}, 400, "must be larger"),
        ({"labels": {"A": "b"}}, 400, "labels"),
        ({"labels": {"a": "b"}, "labelFingerprint": "AAAAAAAAAAA="}, 412, "fingerprint"),
        ({"description": "x" * 3000}, 400, "description"),
    ],
)
def test_refused(gce: Gce, disk: dict[str, Any], body: dict[str, Any], status: int, word: str) -> None:
    """What cannot change is refused by name."""
    assert word in gce.refused("PATCH", PATH, status, body)["message"]
    assert gce.get(PATH) == disk


def test_failure_takes_labels_back(gce: Gce, disk: dict[str, Any], fault: Callable[..., None]) -> None:
    """When the size cannot change, the labels are again what they were."""
    fault("resizeVolume", "job_failed", errortext="Pool is full")
    operation = gce.finished(gce.call("PATCH", PATH, {"sizeGb": "9", "labels": {"a": "b"}}).json())
    assert "Pool is full" in operation["error"]["errors"][0]["message"]
    assert gce.get(PATH) == disk
