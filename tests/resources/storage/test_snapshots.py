"""snapshots and disks.createSnapshot by the front door."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.instances import body_of as instance
from fixtures.storage import ZONE
from gstack.gateway.discovery import schema
from gstack.resources.storage.snapshots import REFUSED

PATH = "global/snapshots"
Made = Callable[..., dict[str, Any]]


def body_of(name: str, disk: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}", **fields}


def test_insert(gce: Gce, disk: str) -> None:
    """A snapshot is ready when its operation is done, and shows its disk, its size and its region."""
    labels = {"env": "prod", "empty": ""}
    operation = gce.done(gce.post(PATH, body_of("snap-all", disk, labels=labels, description="before the change")))
    shown = gce.get(f"{PATH}/snap-all")
    assert (operation["operationType"], operation["targetLink"]) == ("insert", shown["selfLink"])
    assert operation["targetId"] == shown["id"]
    source = gce.get(f"zones/{ZONE}/disks/{disk}")
    assert (shown["sourceDisk"], shown["sourceDiskId"]) == (source["selfLink"], source["id"])
    assert (shown["status"], shown["diskSizeGb"], shown["storageBytesStatus"]) == ("READY", "5", "UP_TO_DATE")
    assert shown["storageLocations"] == ["sandbox-east1"]
    assert (shown["labels"], shown["description"]) == (labels, "before the change")
    assert shown["labelFingerprint"]
    assert gce.get(f"{PATH}/{shown['id']}") == shown
    assert shown in gce.items(PATH)
    assert gce.items(PATH, filter="name = snap-all") == [shown]


def test_create_snapshot_of_a_disk(gce: Gce, disk: str) -> None:
    """disks.createSnapshot is an operation of the disk in its zone, and makes the same snapshot."""
    path = f"zones/{ZONE}/disks/{disk}"
    operation = gce.done(
        gce.post(f"{path}/createSnapshot", {"name": "snap-disk", "storageLocations": ["sandbox-east1"]})
    )
    source = gce.get(path)
    for other in (f"zones/{ZONE}/images/{disk}", f"projects/other/zones/{ZONE}/disks/{disk}", "x"):
        body = {"name": "snap-other", "sourceDisk": other}
        assert "sourceDisk" in gce.refused("POST", f"{path}/createSnapshot", 400, body)["message"]
    assert (operation["operationType"], operation["targetLink"]) == ("createSnapshot", source["selfLink"])
    assert (operation["targetId"], operation["zone"]) == (source["id"], source["zone"])
    assert gce.get(f"{PATH}/snap-disk")["sourceDisk"] == source["selfLink"]


def test_of_a_running_machine(gce: Gce, made: Made, ask: Ask) -> None:
    """The boot disk of a running machine can be taken; the snapshot keeps the disk's name and size."""
    made(ZONE, "vm-snap")
    gce.done(gce.post(PATH, body_of("snap-boot", "vm-snap")))
    size = gce.get(f"zones/{ZONE}/disks/vm-snap")["sizeGb"]
    shown = gce.get(f"{PATH}/snap-boot")
    assert (shown["diskSizeGb"], shown["sourceDisk"].rpartition("/")[2]) == (size, "vm-snap")
    (kept,) = ask("listSnapshots", name="snap-boot")["snapshot"]
    assert kept["volumetype"] == "ROOT"


def test_one_that_was_taken_elsewhere(gce: Gce, ask: Ask, disk: str) -> None:
    """A snapshot made in CloudStack has a GCE name, and its disk's."""
    volume = ask("listVolumes", name=disk)["volume"][0]
    ask("createSnapshot", volumeid=volume["id"], name="Nightly Copy")
    shown = gce.get(f"{PATH}/nightly-copy")
    assert shown["sourceDisk"] == gce.get(f"zones/{ZONE}/disks/{disk}")["selfLink"]
    gce.done(gce.delete(f"{PATH}/nightly-copy"))
    gce.refused("GET", f"{PATH}/nightly-copy", 404)


def test_delete(gce: Gce, ask: Ask, disk: str) -> None:
    """A deleted snapshot is gone from get, list and CloudStack, and its name is free."""
    for _ in range(2):
        gce.done(gce.post(PATH, body_of("snap-gone", disk)))
        operation = gce.done(gce.delete(f"{PATH}/snap-gone"))
        assert operation["operationType"] == "delete"
    refused = gce.refused("GET", f"{PATH}/snap-gone", 404)
    assert refused["message"] == "The resource 'projects/demo/global/snapshots/snap-gone' was not found"
    assert "snap-gone" not in {one["name"] for one in gce.items(PATH)}
    assert "snapshot" not in ask("listSnapshots", name="snap-gone")
    gce.refused("DELETE", f"{PATH}/snap-gone", 404)


def test_names_are_global(gce: Gce, made: Made, disk: str) -> None:
    """A name is taken in all zones, however the snapshot is asked for."""
    west = "sandbox-west1-a"
    made(west, "vm-west")
    gce.done(gce.post(PATH, body_of("snap-twice", disk)))
    refused = gce.refused("POST", PATH, 409, {"name": "snap-twice", "sourceDisk": f"zones/{west}/disks/vm-west"})
    assert refused["message"] == "The resource 'projects/demo/global/snapshots/snap-twice' already exists"
    gce.refused("POST", f"zones/{west}/disks/vm-west/createSnapshot", 409, {"name": "snap-twice"})


def test_name_is_held_while_it_is_made(gce: Gce, made: Made, disk: str, fault: Callable[..., None]) -> None:
    """Two requests for one name, of two disks at once, make one snapshot."""
    made(ZONE, "vm-race")
    fault("createSnapshot", "slow", seconds=7.0)
    first = gce.call("POST", PATH, body_of("snap-race", disk))
    assert first.json()["status"] == "RUNNING"
    assert gce.call("POST", PATH, body_of("snap-race", "vm-race")).status_code == 409
    path = f"zones/{ZONE}/disks/vm-race/createSnapshot"
    gce.refused("POST", path, 409, {"name": "snap-race"})
    gce.done(first.json())


def test_labels(gce: Gce, ask: Ask, disk: str) -> None:
    """Labels are replaced as a whole and are CloudStack's tags; an old fingerprint is 412."""
    gce.done(gce.post(PATH, body_of("snap-labels", disk, labels={"a": "1", "b": "2"})))
    old = gce.get(f"{PATH}/snap-labels")["labelFingerprint"]
    body = {"labels": {"b": "3", "c": ""}, "labelFingerprint": old}
    operation = gce.done(gce.post(f"{PATH}/snap-labels/setLabels", body))
    assert operation["operationType"] == "setLabels"
    assert gce.get(f"{PATH}/snap-labels")["labels"] == {"b": "3", "c": ""}
    tags = ask("listSnapshots", name="snap-labels")["snapshot"][0]["tags"]
    assert {(tag["key"], tag["value"]) for tag in tags} == {("b", "3"), ("c", "(empty)")}
    refused = gce.refused("POST", f"{PATH}/snap-labels/setLabels", 412, body | {"labels": {"d": "4"}})
    assert refused["reason"] == "conditionNotMet"
    gce.refused("POST", f"{PATH}/snap-labels/setLabels", 400, {"labels": {"UPPER": "x"}})
    gce.done(
        gce.post(
            f"{PATH}/snap-labels/setLabels", {"labelFingerprint": gce.get(f"{PATH}/snap-labels")["labelFingerprint"]}
        )
    )
    assert "labels" not in gce.get(f"{PATH}/snap-labels")


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({"name": "Bad_Name"}, 400, "name"),
        ({"name": ""}, 400, "name"),
        ({"sourceDisk": ""}, 400, "sourceDisk"),
        ({"sourceDisk": "data"}, 400, "zones/ZONE/disks/DISK"),
        ({"sourceDisk": "regions/sandbox-east1/disks/data"}, 400, "zones/ZONE/disks/DISK"),
        ({"sourceDisk": f"zones/{ZONE}/disks/none"}, 404, f"projects/demo/zones/{ZONE}/disks/none"),
        ({"sourceDisk": f"projects/other/zones/{ZONE}/disks/data"}, 404, "projects/other"),
        ({"sourceDisk": "zones/nowhere/disks/data"}, 404, "nowhere"),
        ({"labels": {"UPPER": "x"}}, 400, "labels"),
        ({"description": "x" * 2049}, 400, "description"),
        ({"storageLocations": ["us"]}, 400, "sandbox-east1"),
        ({"snapshotType": "ARCHIVE"}, 400, "snapshotType"),
        ({"snapshotEncryptionKey": {"rawKey": "x"}}, 400, "snapshotEncryptionKey"),
        ({"sourceInstantSnapshot": "zones/z/instantSnapshots/i"}, 400, "sourceInstantSnapshot"),
        ({"guestFlush": True}, 400, "guestFlush"),
        ({"locationHint": "rack"}, 400, "locationHint"),
        ({"chainName": "chain"}, 400, "chainName"),
    ],
)
def test_refused(gce: Gce, disk: str, changed: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field or resource is named."""
    assert word in gce.refused("POST", PATH, status, body_of("snap-no", disk) | changed)["message"]
    gce.refused("GET", f"{PATH}/snap-no", 404)


def test_the_usual_type(gce: Gce, disk: str) -> None:
    """A standard snapshot, which is the only kind here, may be asked for by name."""
    gce.done(gce.post(PATH, body_of("snap-standard", disk) | {"snapshotType": "STANDARD"}))
    assert gce.get(f"{PATH}/snap-standard")["snapshotType"] == "STANDARD"
    gce.done(gce.post(PATH, body_of("snap-untyped", disk)))
    assert "snapshotType" not in gce.get(f"{PATH}/snap-untyped")


def test_what_is_accepted_is_shown(gce: Gce, disk: str) -> None:
    """Every field that a request may set comes back as it was sent."""
    sent = {
        **body_of("snap-shown", disk),
        "description": "all",
        "labels": {"a": "b"},
        "storageLocations": ["sandbox-east1"],
        "snapshotType": "STANDARD",
    }
    settable = {field for field, facts in schema("Snapshot")["properties"].items() if not facts.get("readOnly")}
    assert settable - {*REFUSED, "labelFingerprint"} == sent.keys()
    gce.done(gce.post(PATH, sent))
    shown = gce.get(f"{PATH}/snap-shown")
    assert shown["sourceDisk"].endswith(sent.pop("sourceDisk"))
    assert {field: shown.get(field) for field in sent} == sent


@pytest.mark.parametrize("zone", ["Sandbox-simulator", ZONE])
def test_of_a_disk_that_was_never_attached(gce: Gce, ask: Ask, zone: str) -> None:
    """A blank disk is put on storage by a temporary machine, of which nothing is left; the operation says so."""
    path = f"zones/{zone}/disks/blank"
    gce.done(gce.post(f"zones/{zone}/disks", {"name": "blank", "sizeGb": "2", "labels": {"a": "b"}}))
    before = gce.get(path)
    for collection, name in (("snapshots", "snap-blank"), ("images", "img-blank")):
        operation = gce.done(gce.post(f"global/{collection}", {"name": name, "sourceDisk": path}))
        shown = gce.get(f"global/{collection}/{name}")
        assert (shown["status"], shown["diskSizeGb"], shown["sourceDiskId"]) == ("READY", "2", before["id"])
        if collection == "snapshots":
            (warning,) = operation["warnings"]
            assert "temporary machine" in warning["message"]
        else:
            assert "warnings" not in operation  # by now it is on storage
    assert gce.get(path) == before
    machines = ask("listVirtualMachines").get("virtualmachine", [])
    assert not [one for one in machines if one["name"].startswith("gstack") and one["state"] != "Destroyed"]
    for left in (path, "global/snapshots/snap-blank", "global/images/img-blank"):
        gce.done(gce.delete(left))


def test_an_image_of_a_disk_that_was_never_attached(gce: Gce, fault: Callable[..., None]) -> None:
    """An image puts a blank disk on storage too; if that fails, disk and names are as they were."""
    path = f"zones/{ZONE}/disks/blank-too"
    gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "blank-too", "sizeGb": "2"}))
    before = gce.get(path)
    body = {"name": "img-blank-too", "sourceDisk": path}
    fault("attachVolume", "job_failed", errortext="No room here")
    operation = gce.finished(gce.post("global/images", body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    assert gce.get(path) == before
    fault("attachVolume", "lost")
    operation = gce.done(gce.post("global/images", body))
    assert "temporary machine" in operation["warnings"][0]["message"]
    assert gce.get("global/images/img-blank-too")["status"] == "READY"


def test_another_disk_in_the_body(gce: Gce, disk: str) -> None:
    """The body of createSnapshot may repeat the disk of the URL and name no other; guestFlush is refused."""
    path = f"zones/{ZONE}/disks/{disk}/createSnapshot"
    assert "sourceDisk" in gce.refused("POST", path, 400, body_of("snap-no", "vm-else"))["message"]
    assert "guestFlush" in gce.refused("POST", path, 400, {"name": "snap-no"}, guestFlush="true")["message"]
    gce.refused("POST", f"zones/{ZONE}/disks/none/createSnapshot", 404, {"name": "snap-no"})


def test_accounts_do_not_see_each_others(gce: Gce, other: Gce, disk: str) -> None:
    """Another account sees no snapshot of mine, by name or id, and may take the name itself."""
    gce.done(gce.post(PATH, body_of("snap-mine", disk)))
    number = gce.get(f"{PATH}/snap-mine")["id"]
    assert "snap-mine" not in {one["name"] for one in other.items(PATH)}
    for name in ("snap-mine", number):
        other.refused("GET", f"{PATH}/{name}", 404)
        other.refused("DELETE", f"{PATH}/{name}", 404)
    other.refused("POST", PATH, 404, body_of("snap-mine", disk))
    gce.refused("GET", "/compute/v1/projects/other/global/snapshots", 404)


def test_repeated_request(gce: Gce, ask: Ask, disk: str) -> None:
    """A requestId that was used returns its operation, and nothing is made twice."""
    request = str(uuid.uuid4())
    first = gce.done(gce.post(PATH, body_of("snap-once", disk), requestId=request))
    again = gce.post(PATH, body_of("snap-once", disk), requestId=request)
    assert again["name"] == first["name"]
    assert len(ask("listSnapshots", name="snap-once")["snapshot"]) == 1


def test_a_list_is_one_call(gce: Gce, disk: str, spent: Callable[..., dict[str, int]]) -> None:
    """A page of the list, and a get of a snapshot taken here, cost one call each."""
    gce.done(gce.post(PATH, body_of("snap-cheap", disk)))
    commands = ("listSnapshots", "listVolumes", "listTags")
    for ask_for in (f"{PATH}/snap-cheap", PATH):
        counted = spent(lambda path=ask_for: gce.get(path), *commands)
        assert counted == {"listSnapshots": 1, "listVolumes": 0, "listTags": 0}


def test_in_a_cloudstack_project(gce: Gce, ask: Ask) -> None:
    """In a CloudStack project snapshots and images are made, labelled, listed and deleted, apart from the account's."""
    ask("createProject", name="team-snap", displaytext="team")
    team = Gce(gce.stack, "demo", project="team-snap")
    team.done(team.post(f"zones/{ZONE}/instances", instance(ZONE, "vm-team")))
    team.done(team.post(PATH, body_of("snap-team", "vm-team", labels={"a": "1"})))
    made = {"name": "img-team", "sourceSnapshot": f"{PATH}/snap-team", "family": "team"}
    team.done(team.post("global/images", made))
    for path in (f"{PATH}/snap-team", "global/images/img-team"):
        sent = {"labels": {"b": "2"}, "labelFingerprint": team.get(path)["labelFingerprint"]}
        team.done(team.post(f"{path}/setLabels", sent))
        assert team.get(path)["labels"] == {"b": "2"}
        gce.refused("GET", path, 404)
    assert [one["name"] for one in team.items(PATH)] == ["snap-team"]
    assert [one["name"] for one in team.items("global/images")] == ["img-team"]
    assert team.get("global/images/family/team")["name"] == "img-team"
    for path in (f"{PATH}/snap-team", "global/images/img-team", f"zones/{ZONE}/instances/vm-team"):
        team.done(team.delete(path))
        team.refused("GET", path, 404)
