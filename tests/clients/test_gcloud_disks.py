"""gcloud, unmodified, with disks: made, grown, attached, detached, and machines made with them."""

import json
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fixtures.servers import Stack
from fixtures.shells import evaluated, run

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not on this machine's PATH")
EAST, BASIC = "sandbox-east1-a", "Sandbox-simulator"
IMAGE = ("--image-family=debian-12", "--image-project=debian-cloud")
Gcloud = Callable[..., Any]
Shown = Callable[..., Any]


def commands(known: Mapping[str, str]) -> Gcloud:
    """Run `gcloud compute …` and read its JSON."""

    def command(*arguments: str) -> Any:
        output = run(["gcloud", "compute", *arguments, "--quiet", "--format=json"], known)
        return json.loads(output) if output.strip() else None

    return command


@pytest.fixture(scope="module")
def gcloud(product: Stack) -> Gcloud:
    """With the settings that `gstack client gcloud` prints."""
    return commands(evaluated(product, "gcloud"))


def last(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.mark.parametrize("zone", [EAST, pytest.param(BASIC, marks=pytest.mark.soak)])
def test_the_life_of_a_disk(gcloud: Gcloud, zone: str, shown: Shown) -> None:
    """Create with size, type, labels and description; describe, label, grow, attach, detach, delete."""
    place, name, vm = f"--zone={zone}", f"disk-{zone.lower()}", f"vm-{zone.lower()}"
    wishes = ("--size=17GB", "--type=pd-ssd", "--labels=use=db", "--description=rows")
    gcloud("disks", "create", name, place, *wishes)
    disk = gcloud("disks", "describe", name, place)
    assert (disk["sizeGb"], last(disk["type"]), disk["labels"], disk["description"]) == (
        "17", "pd-ssd", {"use": "db"}, "rows",
    )  # fmt: skip
    gcloud("disks", "update", name, place, "--update-labels=more=x", "--remove-labels=use")
    gcloud("disks", "resize", name, place, "--size=19GB")
    gcloud("instances", "create", vm, place)
    gcloud("instances", "attach-disk", vm, place, f"--disk={name}", "--device-name=sdb")
    disk = shown("disks", name, place)
    assert (disk["sizeGb"], disk["labels"], [last(user) for user in disk["users"]]) == ("19", {"more": "x"}, [vm])
    machine = gcloud("instances", "describe", vm, place)
    assert [one["deviceName"] for one in machine["disks"]] == ["persistent-disk-0", "sdb"]
    gcloud("instances", "set-disk-auto-delete", vm, place, "--auto-delete", f"--disk={name}")
    assert shown("instances", vm, place)["disks"][1]["autoDelete"] is True
    gcloud("instances", "set-disk-auto-delete", vm, place, "--no-auto-delete", "--device-name=sdb")
    gcloud("instances", "detach-disk", vm, place, f"--disk={name}")
    assert "users" not in shown("disks", name, place)
    gcloud("instances", "delete", vm, place)
    gcloud("disks", "delete", name, place)
    assert name not in {one["name"] for one in gcloud("disks", "list")}


def test_blank_and_of_a_snapshot_and_of_a_disk(gcloud: Gcloud, shown: Shown) -> None:
    """A disk without flags has Google's size; one of a snapshot or a disk has that one's."""
    place = f"--zone={EAST}"
    gcloud("disks", "create", "unsized", place)
    assert shown("disks", "unsized", place)["sizeGb"] == "500"
    gcloud("instances", "create", "holder", place, "--create-disk=name=holder-data,size=5GB,device-name=data")
    gcloud("snapshots", "create", "taken", "--source-disk=holder-data", f"--source-disk-zone={EAST}")
    gcloud("disks", "create", "restored", place, "--source-snapshot=taken")
    gcloud("disks", "create", "cloned", place, "--source-disk=holder-data", f"--source-disk-zone={EAST}")
    restored, cloned = (shown("disks", name, place) for name in ("restored", "cloned"))
    assert (restored["sizeGb"], last(restored["sourceSnapshot"])) == ("5", "taken")
    assert (cloned["sizeGb"], last(cloned["sourceDisk"])) == ("5", "holder-data")
    gcloud("instances", "delete", "holder", place, "--delete-disks=all")
    left = {one["name"] for one in shown("disks", place=place)}
    assert left >= {"unsized", "restored", "cloned"}
    assert not left & {"holder", "holder-data"}


@pytest.mark.parametrize("zone", [EAST, pytest.param(BASIC, marks=pytest.mark.soak)])
def test_a_disk_of_an_image(gcloud: Gcloud, zone: str, shown: Shown) -> None:
    """A disk of a family boots the machine that gets it; another machine gets one beside its boot disk."""
    place, name, vm = f"--zone={zone}", f"of-image-{zone.lower()}", f"boots-{zone.lower()}"
    gcloud("disks", "create", name, place, *IMAGE, "--size=20GB", "--labels=use=boot")
    disk = shown("disks", name, place)
    assert (disk["sizeGb"], disk["labels"], last(disk["sourceImage"])) == ("20", {"use": "boot"}, "debian-12-v20260101")
    gcloud("instances", "create", vm, place, f"--disk=name={name},boot=yes,auto-delete=yes")
    machine = shown("instances", vm, place)
    assert (machine["status"], last(machine["disks"][0]["source"])) == ("RUNNING", name)
    gcloud("instances", "delete", vm, place)
    more = f"--create-disk=name={name},image-family=rocky-linux-9,image-project=rocky-linux-cloud,auto-delete=yes"
    gcloud("instances", "create", vm, place, *IMAGE, more)
    assert last(shown("disks", name, place)["sourceImage"]).startswith("rocky-linux-9")
    gcloud("instances", "delete", vm, place)
    assert not {name, vm} & {one["name"] for one in shown("disks", place=place)}


def test_a_machine_with_disks(gcloud: Gcloud, shown: Shown) -> None:
    """Further disks are made, of a snapshot too, and one that exists is attached; describe shows what was set."""
    place = f"--zone={EAST}"
    gcloud("disks", "create", "there-before", place, "--size=12GB")
    gcloud("instances", "create", "first", place, "--boot-disk-auto-delete")
    gcloud("snapshots", "create", "of-first", "--source-disk=first", f"--source-disk-zone={EAST}")
    gcloud(
        "instances", "create", "many", place, *IMAGE, "--boot-disk-size=30GB", "--boot-disk-device-name=boot",
        "--create-disk=name=made,size=3GB,type=pd-balanced,device-name=made,auto-delete=yes",
        "--create-disk=name=of-snap,source-snapshot=of-first,device-name=snap",
        "--disk=name=there-before,device-name=old,auto-delete=no",
    )  # fmt: skip
    disks = {one["deviceName"]: one for one in shown("instances", "many", place)["disks"]}
    assert {name: (last(one["source"]), one["autoDelete"]) for name, one in disks.items()} == {
        "boot": ("many", True),
        "made": ("made", True),
        "snap": ("of-snap", True),
        "old": ("there-before", False),
    }
    assert disks["boot"]["diskSizeGb"] == "30"
    assert last(shown("disks", "made", place)["type"]) == "pd-balanced"
    gcloud("instances", "delete", "many", place, "--keep-disks=boot")
    left = {one["name"] for one in shown("disks", place=place)}
    assert left >= {"many", "there-before"}
    assert not left & {"made", "of-snap"}
    gcloud("instances", "create", "again", place, "--disk=name=many,boot=yes,auto-delete=yes")
    machine = shown("instances", "again", place)
    assert (machine["status"], last(machine["disks"][0]["source"])) == ("RUNNING", "many")
    gcloud("instances", "create", "revived", place, "--source-snapshot=of-first")
    assert shown("instances", "revived", place)["status"] == "RUNNING"
    gcloud("instances", "delete", "first", "again", "revived", place)
    assert "many" not in {one["name"] for one in shown("disks", place=place)}


@pytest.mark.parametrize("zone", [EAST, pytest.param(BASIC, marks=pytest.mark.soak)])
def test_a_machine_of_a_template(gcloud: Gcloud, zone: str, shown: Shown) -> None:
    """A template's machine is made as it says, and with overrides of the command."""
    place, template = f"--zone={zone}", f"t-{zone.lower()}"
    gcloud(
        "instance-templates", "create", template, "--machine-type=n1-standard-1", "--labels=env=prod", "--tags=web",
        "--create-disk=size=2GB,device-name=data,auto-delete=yes", *IMAGE,
    )  # fmt: skip
    gcloud("instances", "create", "plain", place, f"--source-instance-template={template}")
    machine = shown("instances", "plain", place)
    assert (machine["labels"], machine["tags"]["items"], last(machine["machineType"])) == (
        {"env": "prod"}, ["web"], "n1-standard-1",
    )  # fmt: skip
    assert [one["deviceName"] for one in machine["disks"]] == ["persistent-disk-0", "data"]
    overrides = ("--machine-type=e2-small", "--labels=own=x")
    gcloud("instances", "create", "other", place, f"--source-instance-template={template}", *overrides)
    machine = shown("instances", "other", place)
    assert (machine["labels"], last(machine["machineType"])) == ({"own": "x"}, "e2-small")
    gcloud("instances", "delete", "plain", "other", place)
    gcloud("instance-templates", "delete", template)
