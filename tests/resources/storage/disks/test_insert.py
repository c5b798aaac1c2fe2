"""disks.insert by the front door, in both kinds of zones: blank, of a snapshot, of a disk, or nothing at all."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.storage import ZONE
from gstack.gateway.discovery import schema
from gstack.resources.storage.disks.insert import REFUSED, STORED

BASIC = "Sandbox-simulator"
ZONES = pytest.mark.parametrize("zone", [BASIC, ZONE])
Made = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def snapshot(product: Any, disk: str) -> str:
    """A snapshot of the disk of 5 GB."""
    gce = Gce(product)
    gce.done(gce.post(f"zones/{ZONE}/disks/{disk}/createSnapshot", {"name": "of-data"}))
    return "of-data"


def inserted(gce: Gce, zone: str, name: str, **fields: Any) -> dict[str, Any]:
    operation = gce.done(gce.post(f"zones/{zone}/disks", {"name": name, **fields}))
    shown: dict[str, Any] = gce.get(f"zones/{zone}/disks/{name}")
    assert (operation["operationType"], operation["targetId"]) == ("insert", shown["id"])
    return shown


def test_no_field_is_dropped_in_silence() -> None:
    """Every field that Google takes is honoured, kept with a warning, or refused by name."""
    honoured = "accessMode description labels name physicalBlockSizeBytes sizeGb type"
    sources = {"sourceDisk", "sourceImage", "sourceSnapshot"}
    output = {"labelFingerprint"}  # sent back by clients that read first
    taken = {field for field, facts in schema("Disk")["properties"].items() if not facts.get("readOnly")}
    assert taken - output - sources - {*honoured.split(), *REFUSED, *STORED} == set()
    assert {*REFUSED, *STORED} <= taken


@ZONES
def test_blank(gce: Gce, ask: Ask, zone: str) -> None:
    """A blank disk has the size, the type, the labels and the description that were asked for, and no user."""
    kind = f"projects/demo/zones/{zone}/diskTypes/pd-ssd"
    fields = {"sizeGb": "7", "type": kind, "labels": {"use": "db", "none": ""}, "description": "rows"}
    disk = inserted(gce, zone, "blank", **fields)
    assert (disk["sizeGb"], disk["status"], disk["labels"]) == ("7", "READY", {"use": "db", "none": ""})
    assert (disk["description"], "users" in disk) == ("rows", False)
    assert disk["type"].endswith(f"zones/{zone}/diskTypes/pd-ssd")
    assert not {"sourceImage", "sourceSnapshot", "lastAttachTimestamp"} & disk.keys()
    assert ask("listVolumes", name="blank", zoneid=_zone(ask, zone))["volume"][0]["size"] == 7 << 30


@pytest.mark.parametrize(("kind", "size"), [("", "500"), ("pd-ssd", "100"), ("small", "5")])
def test_size_where_none_is_sent(gce: Gce, kind: str, size: str) -> None:
    """A disk without a size has the one that its type shows as the default: Google's, or the offering's own."""
    fields = {"type": f"zones/{ZONE}/diskTypes/{kind}"} if kind else {}
    disk = inserted(gce, ZONE, f"unsized-{kind or 'plain'}", **fields)
    assert disk["sizeGb"] == size
    assert gce.get(f"zones/{ZONE}/diskTypes/{kind or 'pd-standard'}")["defaultDiskSizeGb"] == size


def test_of_a_snapshot(gce: Gce, snapshot: str) -> None:
    """A disk of a snapshot has its size or a larger one, and shows where it is from."""
    source = f"https://www.googleapis.com/compute/v1/projects/demo/global/snapshots/{snapshot}"
    disk = inserted(gce, ZONE, "from-snap", sourceSnapshot=source)
    known = gce.get(f"global/snapshots/{snapshot}")
    assert (disk["sizeGb"], disk["sourceSnapshot"], disk["sourceSnapshotId"]) == ("5", known["selfLink"], known["id"])
    larger = inserted(gce, ZONE, "from-snap-9", sourceSnapshot=source, sizeGb="9", type="pd-balanced")
    assert (larger["sizeGb"], larger["type"].rpartition("/")[2]) == ("9", "pd-balanced")
    fixed = inserted(gce, ZONE, "from-snap-20", sourceSnapshot=source, type="medium")
    assert fixed["sizeGb"] == "20"


@ZONES
def test_of_the_snapshot_of_a_data_disk(
    gce: Gce, ask: Ask, made: Made, spent: Callable[..., dict[str, int]], zone: str
) -> None:
    """CloudStack decides on offering and size of such a disk, so it gets its own afterwards, if they differ."""
    data = {"initializeParams": {"diskName": "source", "diskSizeGb": "5"}, "autoDelete": True}
    made(zone, "vm-source", disks=[*body_of(zone, "x")["disks"], data])
    gce.done(gce.post(f"zones/{zone}/disks/source/createSnapshot", {"name": "of-source"}))
    for name, fields, size, resized in (
        ("same", {}, "5", 0),
        ("larger", {"sizeGb": "9"}, "9", 1),
        ("other-type", {"type": "medium"}, "20", 1),
    ):
        body = {"name": name, "sourceSnapshot": "global/snapshots/of-source", **fields}
        path = f"zones/{zone}/disks"
        counted = spent(lambda path=path, body=body: gce.done(gce.post(path, body)), "createVolume", "resizeVolume")
        assert counted == {"createVolume": 1, "resizeVolume": resized}
        disk = gce.get(f"{path}/{name}")
        assert (disk["sizeGb"], disk["status"]) == (size, "READY")
        offering = ask("listVolumes", name=name)["volume"][0]["diskofferingname"]
        assert offering == ("Medium" if "type" in fields else "Custom")
        gce.done(gce.delete(f"{path}/{name}"))
    gce.done(gce.delete("global/snapshots/of-source"))


def test_a_disk_that_cannot_get_its_size(gce: Gce, ask: Ask, snapshot: str, fault: Callable[..., None]) -> None:
    """Nothing is left of a disk of a snapshot which CloudStack created and then did not resize."""
    fault("resizeVolume", "job_failed", errortext="No room here")
    body = {"name": "unfit", "sourceSnapshot": f"global/snapshots/{snapshot}", "sizeGb": "9"}
    operation = gce.finished(gce.post(f"zones/{ZONE}/disks", body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    assert "volume" not in ask("listVolumes", name="unfit")
    fault("resizeVolume", "lost")
    assert inserted(gce, ZONE, **body)["sizeGb"] == "9"


def test_of_a_disk(gce: Gce, ask: Ask, disk: str) -> None:
    """A copy of a disk goes by a snapshot that nobody sees and that is gone afterwards."""
    before = gce.items("global/snapshots")
    copy = inserted(gce, ZONE, "copy", sourceDisk=f"zones/{ZONE}/disks/{disk}")
    source = gce.get(f"zones/{ZONE}/disks/{disk}")
    assert (copy["sizeGb"], copy["sourceDisk"], copy["sourceDiskId"]) == ("5", source["selfLink"], source["id"])
    assert copy["type"] == source["type"]
    assert gce.items("global/snapshots") == before
    left = ask("listSnapshots").get("snapshot", [])
    assert not [one for one in left if one["name"].startswith("gstack")]


@ZONES
def test_copy_of_a_disk_that_was_never_attached(gce: Gce, zone: str) -> None:
    """Nothing was ever written to such a disk, so its copy is a blank disk of its size."""
    inserted(gce, zone, "empty", sizeGb="3")
    assert inserted(gce, zone, "empty-copy", sourceDisk=f"zones/{zone}/disks/empty")["sizeGb"] == "3"


def test_of_a_boot_disk(gce: Gce, made: Made) -> None:
    """A copy of a running machine's boot disk shows the disk, and no image, as its source."""
    vm = made(ZONE, "vm-copied")
    copy = inserted(gce, ZONE, "boot-copy", sourceDisk=vm["disks"][0]["source"])
    assert (copy["sourceDisk"], "sourceImage" in copy) == (vm["disks"][0]["source"], False)
    assert copy["sizeGb"] == vm["disks"][0]["diskSizeGb"]


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"name": "Bad_Name"}, 400, "name"),
        ({"name": ""}, 400, "name"),
        ({"sizeGb": "2000"}, 400, "between 1 GB and 1024 GB"),
        ({"type": f"zones/{ZONE}/diskTypes/none"}, 400, "none"),
        ({"type": f"zones/{BASIC}/diskTypes/pd-ssd"}, 400, "type"),
        ({"type": f"zones/{ZONE}/machineTypes/pd-ssd"}, 400, "is not a disk type"),
        ({"type": f"projects/other/zones/{ZONE}/diskTypes/pd-ssd"}, 400, "Cross-project"),
        ({"type": "small", "sizeGb": "6"}, 400, "5 GB only"),
        ({"labels": {"A": "b"}}, 400, "labels"),
        ({"description": "x" * 3000}, 400, "description"),
        ({"sourceImage": "projects/debian-cloud/global/images/family/none"}, 404, "none"),
        ({"sourceImage": "global/snapshots/none"}, 400, "is not an image"),
        ({"sourceImage": "debian-12", "sourceDisk": "d"}, 400, "either sourceImage or sourceDisk, not both"),
        ({"sourceImage": "debian-12", "sourceSnapshot": "s"}, 400, "either sourceImage or sourceSnapshot, not both"),
        ({"sourceSnapshot": "global/snapshots/none"}, 404, "none"),
        ({"sourceSnapshot": "global/images/none"}, 400, "sourceSnapshot"),
        ({"sourceDisk": f"zones/{ZONE}/disks/none"}, 404, "none"),
        ({"sourceDisk": f"zones/{BASIC}/disks/none"}, 400, "sourceDisk"),
        ({"sourceDisk": "projects/elsewhere/zones/z/disks/none"}, 400, "sourceDisk"),
        ({"sourceDisk": f"projects/elsewhere/zones/{ZONE}/disks/none"}, 404, "elsewhere"),
        ({"sourceDisk": f"zones/{ZONE}/snapshots/none"}, 400, "sourceDisk"),
        ({"sourceDisk": "d", "sourceSnapshot": "s"}, 400, "not both"),
        ({"diskEncryptionKey": {"rawKey": "eA=="}}, 400, "diskEncryptionKey"),
        ({"accessMode": "READ_ONLY_MANY"}, 400, "accessMode"),
        ({"physicalBlockSizeBytes": "16384"}, 400, "physicalBlockSizeBytes"),
        ({"resourcePolicies": ["p"]}, 400, "resourcePolicies"),
        ({"replicaZones": ["a", "b"]}, 400, "replicaZones"),
        ({"sourceMachineImage": "global/machineImages/m"}, 400, "sourceMachineImage"),
        ({"options": "x"}, 400, "options"),
    ],
)
def test_refused(gce: Gce, fields: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field or the resource is named."""
    refused = gce.refused("POST", f"zones/{ZONE}/disks", status, {"name": "not-made", "sizeGb": "5", **fields})
    assert word in refused["message"]
    gce.refused("GET", f"zones/{ZONE}/disks/not-made", 404)


FAMILY = "projects/debian-cloud/global/images/family/debian-12"
WARNED = "booting its image once"


def machines_of_cloudstack(ask: Ask) -> list[str]:
    """The displaynames of all machines that CloudStack has, destroyed ones left out."""
    found = ask("listVirtualMachines").get("virtualmachine", [])
    return [one["displayname"] for one in found if one["state"] not in {"Destroyed", "Expunging"}]


@ZONES
def test_of_an_image(gce: Gce, ask: Ask, zone: str) -> None:
    """A disk of an image shows what was asked for and its image; of the machine that made it nothing is left."""
    before = machines_of_cloudstack(ask)
    kind = f"projects/demo/zones/{zone}/diskTypes/pd-ssd"
    fields = {"sizeGb": "20", "type": kind, "labels": {"use": "boot"}, "description": "system"}
    operation = gce.done(gce.post(f"zones/{zone}/disks", {"name": "of-image", "sourceImage": FAMILY, **fields}))
    image = gce.get("/compute/v1/projects/debian-cloud/global/images/family/debian-12")
    disk = gce.get(f"zones/{zone}/disks/of-image")
    assert (disk["sizeGb"], disk["status"], disk["labels"], disk["description"]) == (
        "20", "READY", {"use": "boot"}, "system",
    )  # fmt: skip
    assert (disk["type"].rpartition("/")[2], "users" in disk) == ("pd-ssd", False)
    assert (disk["sourceImage"], disk["sourceImageId"]) == (image["selfLink"], image["id"])
    assert operation["targetId"] == disk["id"]
    assert [(one["code"], WARNED in one["message"]) for one in operation["warnings"]] == [
        ("EXTERNAL_API_WARNING", True)
    ]
    assert machines_of_cloudstack(ask) == before
    assert [one["name"] for one in gce.items(f"zones/{zone}/disks", filter="name eq .*image.*")] == ["of-image"]
    gce.done(gce.delete(f"zones/{zone}/disks/of-image"))


@ZONES
def test_a_machine_boots_from_a_disk_of_an_image(gce: Gce, made: Made, zone: str) -> None:
    """The disk is the boot disk of the next machine that asks for it."""
    disk = inserted(gce, zone, "bootable", sourceImage=FAMILY)
    vm = made(zone, "vm-boots", disks=[{"source": disk["selfLink"], "boot": True, "autoDelete": True}])
    assert (vm["status"], vm["disks"][0]["source"]) == ("RUNNING", disk["selfLink"])
    assert gce.get(f"zones/{zone}/disks/bootable")["sourceImage"] == disk["sourceImage"]


@pytest.mark.parametrize(
    "text",
    [
        "debian-cloud/debian-12",
        "https://www.googleapis.com/compute/v1/projects/debian-cloud/global/images/family/debian-12",
        "projects/debian-cloud/zones/-/imageFamilyViews/debian-12",
        "projects/debian-cloud/global/images/debian-12-v20260101",
    ],
)
def test_forms_of_an_image(gce: Gce, text: str) -> None:
    """The image may be named in every form that Google takes; without a size the disk has the image's."""
    disk = inserted(gce, ZONE, "of-form", sourceImage=text)
    image = gce.get("/compute/v1/projects/debian-cloud/global/images/debian-12-v20260101")
    assert (disk["sourceImage"], disk["sizeGb"]) == (image["selfLink"], image["diskSizeGb"])
    gce.done(gce.delete(f"zones/{ZONE}/disks/of-form"))


def test_image_as_a_parameter(gce: Gce) -> None:
    """The old query parameter names the image too; one that the body contradicts is refused."""
    gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "of-parameter"}, sourceImage=FAMILY))
    assert "debian-12" in gce.get(f"zones/{ZONE}/disks/of-parameter")["sourceImage"]
    body = {"name": "not-made", "sourceImage": "projects/rocky-linux-cloud/global/images/family/rocky-linux-9"}
    refused = gce.refused("POST", f"zones/{ZONE}/disks", 400, body, sourceImage=FAMILY)
    assert "another image" in refused["message"]


def test_types_of_a_disk_of_an_image(gce: Gce) -> None:
    """A disk offering is a type of such a disk too; its only size is the disk's, and another one is refused."""
    disk = inserted(gce, ZONE, "of-medium", sourceImage=FAMILY, type="medium")
    assert (disk["sizeGb"], disk["type"].rpartition("/")[2]) == ("20", "medium")
    body = {"name": "not-made", "sourceImage": FAMILY}
    for fields, word in (({"type": "medium", "sizeGb": "21"}, "20 GB only"), ({"type": "none"}, "none")):
        refused = gce.refused("POST", f"zones/{ZONE}/disks", 400, {**body, **fields})
        assert word in refused["message"]


def test_smaller_than_its_image(gce: Gce) -> None:
    """A disk smaller than its image is refused in Google's words."""
    body = {"name": "not-made", "sizeGb": "1", "sourceImage": FAMILY}
    refused = gce.refused("POST", f"zones/{ZONE}/disks", 400, body)
    assert "Requested disk size cannot be smaller than the image size" in refused["message"]


def test_image_and_taken_name(gce: Gce) -> None:
    """A taken name is 409 for a disk of an image as well; a repeated request gets its operation again."""
    body, same = {"name": "of-image-once", "sourceImage": FAMILY}, "0a1b2c3d-0000-4000-8000-00000000000a"
    first = gce.done(gce.post(f"zones/{ZONE}/disks", body, requestId=same))
    assert gce.post(f"zones/{ZONE}/disks", body, requestId=same)["id"] == first["id"]
    assert "already exists" in gce.refused("POST", f"zones/{ZONE}/disks", 409, body)["message"]


def test_smaller_than_its_source(gce: Gce, disk: str, snapshot: str) -> None:
    """A disk smaller than what it is made of is refused in Google's words; so is a type that has no larger ones."""
    for source in ({"sourceSnapshot": snapshot}, {"sourceDisk": f"zones/{ZONE}/disks/{disk}"}):
        refused = gce.refused("POST", f"zones/{ZONE}/disks", 400, {"name": "not-made", "sizeGb": "4", **source})
        assert "Requested disk size cannot be smaller than the" in refused["message"]
    inserted(gce, ZONE, "six", sizeGb="6")
    body = {"name": "not-made", "sourceDisk": f"zones/{ZONE}/disks/six", "type": "small"}
    assert "6 GB are needed" in gce.refused("POST", f"zones/{ZONE}/disks", 400, body)["message"]


def test_snapshot_of_another_zone(gce: Gce, snapshot: str) -> None:
    """CloudStack keeps a snapshot in its zone: a disk elsewhere is refused, and told where the snapshot is."""
    body = {"name": "not-made", "sourceSnapshot": f"global/snapshots/{snapshot}"}
    assert ZONE in gce.refused("POST", f"zones/{BASIC}/disks", 400, body)["message"]


@ZONES
def test_name_is_taken(gce: Gce, made: Made, zone: str) -> None:
    """A disk's name is taken by another disk, by a machine's boot disk, and by one that is on its way."""
    inserted(gce, zone, "taken", sizeGb="1")
    made(zone, "vm-names")
    for name in ("taken", "vm-names"):
        refused = gce.refused("POST", f"zones/{zone}/disks", 409, {"name": name, "sizeGb": "1"})
        assert refused["message"] == f"The resource 'projects/demo/zones/{zone}/disks/{name}' already exists"
    first, second = (gce.call("POST", f"zones/{zone}/disks", {"name": "race", "sizeGb": "1"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 409)
    gce.done(first.json())


def test_what_is_accepted_is_shown(gce: Gce) -> None:
    """Every field that a request may set comes back as it was sent."""
    sent: dict[str, Any] = {
        "name": "shown",
        "description": "all",
        "labels": {"a": "b"},
        "sizeGb": "3",
        "type": f"zones/{ZONE}/diskTypes/pd-ssd",
        "physicalBlockSizeBytes": "4096",
        "accessMode": "READ_WRITE_SINGLE",
        "architecture": "ARM64",
        "guestOsFeatures": [{"type": "GVNIC"}],
        "licenseCodes": ["1000010"],
        "licenses": ["https://www.googleapis.com/compute/v1/projects/vm-options/global/licenses/enable-vmx"],
    }
    settable = {field for field, facts in schema("Disk")["properties"].items() if not facts.get("readOnly")}
    sources = {"sourceDisk", "sourceImage", "sourceSnapshot"}
    assert settable - {*REFUSED, *sources, "labelFingerprint"} == sent.keys()
    disk = inserted(gce, ZONE, **sent)
    assert disk["type"].endswith(sent.pop("type"))
    assert {field: disk.get(field) for field in sent} == sent


def test_kept_facts(gce: Gce) -> None:
    """What CloudStack knows of images alone comes back as it was sent, with a warning."""
    fields = {"architecture": "X86_64", "guestOsFeatures": [{"type": "UEFI_COMPATIBLE"}], "licenses": []}
    operation = gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "kept", "sizeGb": "1", **fields}))
    assert len(operation["warnings"]) == 2
    disk = gce.get(f"zones/{ZONE}/disks/kept")
    assert (disk["architecture"], disk["guestOsFeatures"]) == ("X86_64", [{"type": "UEFI_COMPATIBLE"}])


def test_unknown_field(gce: Gce) -> None:
    """A field that the API does not have is named in a warning, and the disk is created without it."""
    operation = gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "unknown", "sizeGb": "1", "multiWriter": True}))
    assert ["multiWriter" in one["message"] for one in operation["warnings"]] == [True]
    gce.done(gce.delete(f"zones/{ZONE}/disks/unknown"))


@pytest.mark.parametrize("command", ["createVolume", "createTags", "createSnapshot"])
def test_failure_leaves_nothing(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None], command: str) -> None:
    """When a step fails the operation says why, and no disk, snapshot or name is left."""
    fault(command, "job_failed", errortext="No room here")
    body = {"name": "fails", "sourceDisk": f"zones/{ZONE}/disks/{disk}", "labels": {"a": "b"}}
    operation = gce.finished(gce.post(f"zones/{ZONE}/disks", body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    gce.refused("GET", f"zones/{ZONE}/disks/fails", 404)
    assert "volume" not in ask("listVolumes", name="fails")
    left = ask("listSnapshots").get("snapshot", [])
    assert not [one for one in left if one["name"].startswith("gstack")]
    inserted(gce, ZONE, "fails", sizeGb="1")
    gce.done(gce.delete(f"zones/{ZONE}/disks/fails"))


@ZONES
@pytest.mark.parametrize("command", ["createVolume", "createTags"])
def test_lost_answers(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str, command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice."""
    fault(command, "lost")
    disk = inserted(gce, zone, f"lost-{command.lower()}", sizeGb="1", labels={"a": "b"})
    assert disk["labels"] == {"a": "b"}
    narrowed = {"name": disk["name"], "zoneid": _zone(ask, zone)}
    assert ask("listVolumes", **narrowed)["count"] == 1


def test_lost_answer_of_a_copys_snapshot(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """The snapshot of a copy is taken once and dropped, also when CloudStack's answers are lost."""
    for command in ("createSnapshot", "deleteSnapshot"):
        fault(command, "lost")
        inserted(gce, ZONE, f"copy-{command.lower()}", sourceDisk=f"zones/{ZONE}/disks/{disk}")
    left = ask("listSnapshots").get("snapshot", [])
    assert not [one for one in left if one["name"].startswith("gstack")]


def test_repeated_request(gce: Gce) -> None:
    """A request repeated with its requestId gets its operation again, though the disk is there by now."""
    path, body = f"zones/{ZONE}/disks", {"name": "repeated", "sizeGb": "1"}
    same = "0a1b2c3d-0000-4000-8000-000000000009"
    first = gce.done(gce.post(path, body, requestId=same))
    assert gce.post(path, body, requestId=same)["id"] == first["id"]


def test_another_accounts_disk_is_no_source(other: Gce, disk: str) -> None:
    """Nobody copies a disk of somebody else."""
    body = {"name": "stolen", "sourceDisk": f"projects/demo/zones/{ZONE}/disks/{disk}"}
    other.refused("POST", f"zones/{ZONE}/disks", 404, body)


def test_disk_made_with_a_machine(gce: Gce, made: Made) -> None:
    """A machine's name and its further disks' names are one scope."""
    inserted(gce, ZONE, "vm-late", sizeGb="1")
    refused = gce.refused("POST", f"zones/{ZONE}/instances", 409, body_of(ZONE, "vm-late"))
    assert refused["message"].endswith("disks/vm-late' already exists")


def _zone(ask: Ask, name: str) -> str:
    identity: str = ask("listZones", name=name)["zone"][0]["id"]
    return identity
