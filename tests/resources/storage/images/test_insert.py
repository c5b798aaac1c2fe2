"""images.insert by the front door, and the choice of hypervisor and zones."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.storage import ZONE
from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.resources.inventory.templates import Catalog, Template
from gstack.resources.inventory.zones import Location
from gstack.resources.steps.templates import NewTemplate
from gstack.resources.storage.images.insert import REFUSED, SOURCES, Source, zones_for

PATH = "global/images"
GOOGLE = "https://www.googleapis.com/compute/v1/projects"
URL = "https://images.example.org/lab.qcow2.gz"
Made = Callable[..., dict[str, Any]]


def source(disk: str) -> dict[str, str]:
    return {"sourceDisk": f"zones/{ZONE}/disks/{disk}"}


def test_of_a_disk(gce: Gce, disk: str, ask: Ask) -> None:
    """An image of a detached disk is ready, in all regions, and shows its source, family and labels."""
    body = {"name": "img-all", "family": "lab", "description": "of data", "labels": {"a": "1"}, **source(disk)}
    operation = gce.done(gce.post(PATH, body))
    shown = gce.get(f"{PATH}/img-all")
    assert (operation["operationType"], operation["targetId"]) == ("insert", shown["id"])
    assert "warnings" not in operation
    made_of = gce.get(f"zones/{ZONE}/disks/{disk}")
    assert (shown["sourceDisk"], shown["sourceDiskId"]) == (made_of["selfLink"], made_of["id"])
    assert (shown["status"], shown["family"], shown["description"]) == ("READY", "lab", "of data")
    assert (shown["diskSizeGb"], shown["labels"], shown["sourceType"]) == ("5", {"a": "1"}, "RAW")
    assert shown["storageLocations"] == sorted(gce_regions(gce))
    assert shown["selfLink"] == f"{gce.base}/projects/demo/global/images/img-all"
    assert gce.get(f"{PATH}/family/lab") == shown
    assert shown in gce.items(PATH)
    (kept,) = ask("listTemplates", templatefilter="self", name="img-all", zoneid=zone_id(ask, ZONE))["template"]
    assert kept["displaytext"] == "of data"


def gce_regions(gce: Gce) -> list[str]:
    return [region["name"] for region in gce.items("regions")]


def zone_id(ask: Ask, name: str) -> str:
    return str(next(zone["id"] for zone in ask("listZones")["zone"] if zone["name"] == name))


def test_a_machine_of_it(gce: Gce, made: Made, disk: str) -> None:
    """An own image makes machines in another zone than that of its disk, by its family too."""
    gce.done(gce.post(PATH, {"name": "img-boot", "family": "boots", **source(disk)}))
    disks = body_of(ZONE, "x")["disks"]
    disks[0]["initializeParams"] = {"sourceImage": "global/images/family/boots"}
    made("sandbox-west1-a", "vm-of-own", disks=disks)
    boot = gce.get("zones/sandbox-west1-a/disks/vm-of-own")
    assert boot["sourceImage"] == f"{gce.base}/projects/demo/global/images/img-boot"
    gce.done(gce.delete(f"{PATH}/img-boot"))
    assert gce.get("zones/sandbox-west1-a/instances/vm-of-own")["status"] == "RUNNING"


def test_of_a_snapshot(gce: Gce, disk: str) -> None:
    """An image of a snapshot shows the snapshot and has the size of its disk."""
    gce.done(gce.post("global/snapshots", {"name": "snap-img", **source(disk)}))
    gce.done(gce.post(PATH, {"name": "img-snap", "sourceSnapshot": "global/snapshots/snap-img"}))
    snapshot, shown = gce.get("global/snapshots/snap-img"), gce.get(f"{PATH}/img-snap")
    assert (shown["sourceSnapshot"], shown["sourceSnapshotId"]) == (snapshot["selfLink"], snapshot["id"])
    assert shown["diskSizeGb"] == snapshot["diskSizeGb"]


def there(gce: Gce) -> list[str]:
    """All instances and disks."""
    zones = [zone["name"] for zone in gce.items("zones")]
    return [
        one["selfLink"]
        for zone in zones
        for kind in ("instances", "disks")
        for one in gce.items(f"zones/{zone}/{kind}")
    ]


def test_of_an_image(gce: Gce) -> None:
    """An image of a public family is made by way of a disk that nobody sees; nothing of it is left."""
    before = there(gce)
    body = {"name": "img-copy", "family": "lab", "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}
    operation = gce.done(gce.post(PATH, body))
    (warning,) = operation["warnings"]
    assert warning["message"].startswith("img-copy was made by booting its image once")
    shown = gce.get(f"{PATH}/img-copy")
    public = Gce(gce.stack, "demo", "debian-cloud").get(f"{PATH}/debian-12-v20260101")
    assert (shown["sourceImage"], shown["sourceImageId"]) == (public["selfLink"], public["id"])
    assert (shown["status"], shown["storageLocations"]) == ("READY", sorted(gce_regions(gce)))
    assert int(shown["diskSizeGb"]) == int(public["diskSizeGb"])
    assert there(gce) == before


def test_of_an_image_that_fails(gce: Gce, ask: Ask, fault: Callable[..., None]) -> None:
    """Where CloudStack cannot make the template, neither an image nor a machine is left."""
    fault("createTemplate", "job_failed")
    body = {"name": "img-fails", "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}
    operation = gce.finished(gce.post(PATH, body))
    assert "error" in operation
    gce.refused("GET", f"{PATH}/img-fails", 404)
    left = [one for one in ask("listVirtualMachines").get("virtualmachine", []) if one["state"] != "Destroyed"]
    assert [one["name"] for one in left if one["name"].startswith("gstack-maker")] == []


def test_of_a_running_machine(gce: Gce, made: Made, ask: Ask) -> None:
    """A running machine's disk is refused as Google does, and with forceCreate taken by a snapshot that goes again."""
    made(ZONE, "vm-runs")
    refused = gce.refused("POST", PATH, 400, {"name": "img-runs", **source("vm-runs")})
    assert refused["reason"] == "resourceInUseByAnotherResource"
    assert refused["message"].endswith(f"used by 'projects/demo/zones/{ZONE}/instances/vm-runs'")
    gce.done(gce.post(PATH, {"name": "img-runs", **source("vm-runs")}, forceCreate="true"))
    shown = gce.get(f"{PATH}/img-runs")
    assert (shown["status"], shown["sourceDisk"].rpartition("/")[2]) == ("READY", "vm-runs")
    left = ask("listSnapshots").get("snapshot", [])
    assert not [one for one in left if one["volumename"].startswith("ROOT")]


def test_of_a_file(gce: Gce, ask: Ask) -> None:
    """A disk file at a URL becomes an image in every zone, of the OS type that its family says."""
    body = {"name": "img-file", "family": "debian-12", "architecture": "X86_64", "rawDisk": {"source": URL}}
    gce.done(gce.post(PATH, body))
    shown = gce.get(f"{PATH}/img-file")
    assert (shown["status"], shown["architecture"]) == ("READY", "X86_64")
    assert shown["storageLocations"] == sorted(gce_regions(gce))
    template = ask("listTemplates", templatefilter="self", name="img-file")["template"][0]
    assert (template["format"], template["url"], template["ostypename"]) == (
        "QCOW2",
        URL,
        "Debian GNU/Linux 12 (64-bit)",
    )


def test_storage_locations(gce: Gce, disk: str) -> None:
    """An image is in the regions that are asked for."""
    regions = ["sandbox-east1", "sandbox-west1"]
    gce.done(gce.post(PATH, {"name": "img-two", "storageLocations": regions, **source(disk)}))
    assert gce.get(f"{PATH}/img-two")["storageLocations"] == regions
    body = {"name": "img-one", "storageLocations": regions[1:], "rawDisk": {"source": URL}}
    gce.done(gce.post(PATH, body))
    assert gce.get(f"{PATH}/img-one")["storageLocations"] == regions[1:]


def test_what_is_accepted_is_shown(gce: Gce, disk: str) -> None:
    """Every field that a request may set comes back as it was sent."""
    size = gce.get(f"zones/{ZONE}/disks/{disk}")["sizeGb"]
    sent = {
        "name": "img-shown",
        "description": "all",
        "family": "shown",
        "labels": {"a": "b"},
        "architecture": "ARM64",
        "diskSizeGb": size,
        "guestOsFeatures": [{"type": "GVNIC"}],
        "licenses": [f"{GOOGLE}/vm-options/global/licenses/enable-vmx"],
        "storageLocations": ["sandbox-east1"],
        "sourceType": "RAW",
    }
    settable = {field for field, facts in schema("Image")["properties"].items() if not facts.get("readOnly")}
    computed = {"archiveSizeBytes", "labelFingerprint"}  # clients that read first send them back
    assert settable - {*REFUSED, *SOURCES} - computed == sent.keys()
    gce.done(gce.post(PATH, sent | source(disk)))
    shown = gce.get(f"{PATH}/img-shown")
    assert {field: shown.get(field) for field in sent} == sent


def test_kept_without_effect(gce: Gce, disk: str) -> None:
    """Features and licenses come back as sent, with a warning each."""
    features, licenses = [{"type": "UEFI_COMPATIBLE"}], [f"{GOOGLE}/vm-options/global/licenses/enable-vmx"]
    body = {"name": "img-kept", "guestOsFeatures": features, "licenses": licenses, **source(disk)}
    operation = gce.done(gce.post(PATH, body))
    assert [warning["code"] for warning in operation["warnings"]] == ["FIELD_VALUE_OVERRIDEN"] * 2
    shown = gce.get(f"{PATH}/img-kept")
    assert (shown["guestOsFeatures"], shown["licenses"]) == (features, licenses)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"name": "Bad_Name"}, 400, "name"),
        ({}, 400, "exactly one"),
        ({"sourceDisk": f"zones/{ZONE}/disks/data", "rawDisk": {"source": URL}}, 400, "exactly one"),
        ({"sourceDisk": "data"}, 400, "zones/ZONE/disks/DISK"),
        ({"sourceDisk": f"zones/{ZONE}/disks/none"}, 404, "disks/none"),
        ({"sourceDisk": f"projects/other/zones/{ZONE}/disks/data"}, 404, "projects/other"),
        ({"sourceSnapshot": "global/snapshots/none"}, 404, "snapshots/none"),
        ({"sourceSnapshot": "zones/z/disks/d"}, 400, "sourceSnapshot"),
        ({"sourceImage": "global/images/none"}, 400, "sourceImage"),
        ({"rawDisk": {"containerType": "TAR"}}, 400, "rawDisk.source"),
        ({"rawDisk": {"source": "gs://bucket/disk.raw"}}, 400, "http"),
        ({"rawDisk": {"source": "http://127.0.0.1/disk.raw"}}, 400, "127.0.0.1"),
        ({"rawDisk": {"source": "http://storage.googleapis.com/b/x.tar.gz"}}, 400, "but not as .tar."),
        ({"rawDisk": {"source": URL}, "family": "Bad Family"}, 400, "family"),
        ({"rawDisk": {"source": URL}, "labels": {"UPPER": "x"}}, 400, "labels"),
        ({"rawDisk": {"source": URL}, "description": "x" * 2049}, 400, "description"),
        ({"rawDisk": {"source": URL}, "diskSizeGb": "100"}, 400, "diskSizeGb"),
        ({"rawDisk": {"source": URL}, "storageLocations": ["us"]}, 400, "sandbox-east1"),
        ({"rawDisk": {"source": URL}, "imageEncryptionKey": {"rawKey": "x"}}, 400, "imageEncryptionKey"),
        ({"rawDisk": {"source": URL}, "deprecated": {"state": "OBSOLETE"}}, 400, "deprecated"),
    ],
)
def test_refused(gce: Gce, disk: str, body: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field or resource is named."""
    assert word in gce.refused("POST", PATH, status, {"name": "img-no"} | body)["message"]
    gce.refused("GET", f"{PATH}/img-no", 404)


def test_name_is_taken(gce: Gce, disk: str) -> None:
    """A second image of a name is a 409 in Google's words."""
    gce.done(gce.post(PATH, {"name": "img-twice", **source(disk)}))
    refused = gce.refused("POST", PATH, 409, {"name": "img-twice", "rawDisk": {"source": URL}})
    assert refused["message"] == "The resource 'projects/demo/global/images/img-twice' already exists"


def at(name: str, *, enabled: bool = True) -> Location:
    return Location(id=name, cloudstack_name=name, zone=f"{name}-a", alias=f"{name}-a", region=name, enabled=enabled)


def ready(hypervisor: str, zone: str) -> Template:
    return Template(id=f"{hypervisor}-{zone}", name="t", zoneid=zone, isready=True, hypervisor=hypervisor)


KNOWN = Catalog([ready("KVM", "east"), ready("KVM", "west"), ready("VMware", "north")], [], "demo")
EVERYWHERE = [at("east"), at("north"), at("west"), at("closed", enabled=False)]


def test_a_file_goes_where_its_format_is_taken() -> None:
    """QCOW2 goes to the zones with KVM, OVA to those with VMware."""
    assert zones_for(Source(NewTemplate("i", url="u", format="QCOW2")), EVERYWHERE, KNOWN) == (
        "KVM",
        ["east", "west"],
    )
    assert zones_for(Source(NewTemplate("i", url="u", format="OVA")), EVERYWHERE, KNOWN) == (
        "VMware",
        ["north"],
    )
    with pytest.raises(Problem, match="KVM, VMware"):
        zones_for(Source(NewTemplate("i", url="u", format="VHD")), EVERYWHERE, KNOWN)


def test_a_disk_goes_everywhere_from_its_zone() -> None:
    """The source's zone is the first; zones that are closed are left out."""
    assert zones_for(Source(NewTemplate("i"), zone_id="north"), EVERYWHERE, KNOWN) == (
        "",
        ["north", "east", "west"],
    )
