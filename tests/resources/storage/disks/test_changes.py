"""disks.delete, resize, setLabels and update by the front door."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
PATH = f"zones/{VPC}/disks/d"
Made = Callable[..., dict[str, Any]]


@ZONES
def test_delete(gce: Gce, ask: Ask, zone: str) -> None:
    """A deleted disk is gone here and in CloudStack, and its name is free at once."""
    path, body = f"zones/{zone}/disks", {"name": "goes", "sizeGb": "1"}
    gce.done(gce.post(path, body))
    disk = gce.get(f"{path}/goes")
    operation = gce.done(gce.delete(f"{path}/goes"))
    assert (operation["operationType"], operation["targetId"]) == ("delete", disk["id"])
    gce.refused("GET", f"{path}/goes", 404)
    assert "volume" not in ask("listVolumes", name="goes")
    gce.done(gce.post(path, body))
    assert gce.get(f"{path}/goes")["id"] != disk["id"]
    gce.done(gce.delete(f"{path}/goes"))


def test_in_use(gce: Gce, made: Made) -> None:
    """A disk that an instance has stays, boot disks too; the message names both."""
    data = {"initializeParams": {"diskName": "used", "diskSizeGb": "1"}, "autoDelete": True}
    vm = made(VPC, "vm-user", disks=[*body_of(VPC, "x")["disks"], data])
    for name in ("used", "vm-user"):
        refused = gce.refused("DELETE", f"zones/{VPC}/disks/{name}", 400)
        assert refused["reason"] == "resourceInUseByAnotherResource"
        assert refused["message"] == (
            f"The disk resource 'projects/demo/zones/{VPC}/disks/{name}' is already being used by "
            f"'projects/demo/zones/{VPC}/instances/{vm['name']}'"
        )


def test_deletion_by_id_and_unknown(gce: Gce, other: Gce) -> None:
    """A disk may be named by its id; one that is not there, or somebody else's, is a 404."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "numbered", "sizeGb": "1"}))
    disk = gce.get(f"zones/{VPC}/disks/numbered")
    other.refused("DELETE", f"zones/{VPC}/disks/{disk['id']}", 404)
    gce.done(gce.delete(f"zones/{VPC}/disks/{disk['id']}"))
    gce.refused("DELETE", f"zones/{VPC}/disks/numbered", 404)


def test_lost_answer_of_a_deletion(gce: Gce, fault: Callable[..., None]) -> None:
    """A deletion whose answer was lost ended well."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "lost", "sizeGb": "1"}))
    fault("deleteVolume", "lost")
    gce.done(gce.delete(f"zones/{VPC}/disks/lost"))
    gce.refused("GET", f"zones/{VPC}/disks/lost", 404)


def resized(gce: Gce, zone: str, name: str, size: Any) -> str:
    gce.done(gce.post(f"zones/{zone}/disks/{name}/resize", {"sizeGb": size}))
    shown: str = gce.get(f"zones/{zone}/disks/{name}")["sizeGb"]
    return shown


@ZONES
def test_grows(gce: Gce, made: Made, zone: str) -> None:
    """A disk grows while no instance has it and while one does, running; a boot disk grows too."""
    gce.done(gce.post(f"zones/{zone}/disks", {"name": "alone", "sizeGb": "2"}))
    assert resized(gce, zone, "alone", 3) == "3"
    data = {"initializeParams": {"diskName": "with-vm", "diskSizeGb": "2"}, "autoDelete": True}
    made(zone, "vm-grows", disks=[*body_of(zone, "x")["disks"], data])
    assert resized(gce, zone, "with-vm", "4") == "4"
    boot = int(gce.get(f"zones/{zone}/disks/vm-grows")["sizeGb"])
    assert resized(gce, zone, "vm-grows", boot + 5) == str(boot + 5)
    assert gce.get(f"zones/{zone}/instances/vm-grows")["disks"][0]["diskSizeGb"] == str(boot + 5)


def test_never_shrinks(gce: Gce, ask: Ask) -> None:
    """A smaller size and the same size are refused in Google's words, and nothing is sent."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "stays", "sizeGb": "5"}))
    for size in ("4", "5"):
        refused = gce.refused("POST", f"zones/{VPC}/disks/stays/resize", 400, {"sizeGb": size})
        assert f"New disk size '{size}' must be larger than existing size '5'" in refused["message"]
    assert ask("listVolumes", name="stays")["volume"][0]["size"] == 5 << 30


@pytest.mark.parametrize(
    ("name", "body", "status", "word"),
    [
        ("five", {}, 400, "sizeGb"),
        ("five", {"sizeGb": "2000"}, 400, "between 1 GB and 1024 GB"),
        ("fixed", {"sizeGb": "6"}, 400, "5 GB only"),
        ("none", {"sizeGb": "6"}, 404, "none"),
    ],
)
def test_refused_sizes(gce: Gce, name: str, body: dict[str, Any], status: int, word: str) -> None:
    """A size that cannot be is refused and told why; a type of fixed size has no other."""
    for known, kind in (("five", "pd-standard"), ("fixed", "small")):
        gce.call("POST", f"zones/{VPC}/disks", {"name": known, "type": kind, "sizeGb": "5"})
    assert word in gce.refused("POST", f"zones/{VPC}/disks/{name}/resize", status, body)["message"]


@pytest.mark.parametrize("kind", ["lost", "drop"])
def test_lost_answer_of_a_growth(gce: Gce, fault: Callable[..., None], kind: str) -> None:
    """A growth whose answer was lost ends at the size that was asked for."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": f"lost-{kind}", "sizeGb": "1"}))
    fault("resizeVolume", kind)
    assert resized(gce, VPC, f"lost-{kind}", "2") == "2"


def test_failed_growth(gce: Gce, fault: Callable[..., None]) -> None:
    """A growth that CloudStack fails is a failed operation with its reason, and the disk is as it was."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "unlucky", "sizeGb": "1"}))
    fault("resizeVolume", "job_failed", errortext="Pool is full")
    operation = gce.finished(gce.post(f"zones/{VPC}/disks/unlucky/resize", {"sizeGb": "2"}))
    assert "Pool is full" in operation["error"]["errors"][0]["message"]
    assert gce.get(f"zones/{VPC}/disks/unlucky")["sizeGb"] == "1"


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
    assert refused["message"] == "Labels fingerprint either invalid or resource labels have changed"
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
def test_refused_updates(gce: Gce, disk: dict[str, Any], body: dict[str, Any], status: int, word: str) -> None:
    """What cannot change is refused by name."""
    assert word in gce.refused("PATCH", PATH, status, body)["message"]
    assert gce.get(PATH) == disk


def test_failure_takes_labels_back(gce: Gce, disk: dict[str, Any], fault: Callable[..., None]) -> None:
    """When the size cannot change, the labels are again what they were."""
    fault("resizeVolume", "job_failed", errortext="Pool is full")
    operation = gce.finished(gce.call("PATCH", PATH, {"sizeGb": "9", "labels": {"a": "b"}}).json())
    assert "Pool is full" in operation["error"]["errors"][0]["message"]
    assert gce.get(PATH) == disk
