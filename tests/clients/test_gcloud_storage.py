"""gcloud, unmodified, with snapshots, images and instance templates."""

import json
import shutil
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.servers import Stack
from fixtures.shells import evaluated, run
from fixtures.storage import ZONE

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not on this machine's PATH")


@pytest.fixture(scope="module")
def gcloud(product: Stack) -> Any:
    """Run `gcloud compute …` and read its JSON."""
    known = evaluated(product, "gcloud")

    def command(*arguments: str) -> Any:
        output = run(["gcloud", "compute", *arguments, "--quiet", "--format=json"], known)
        return json.loads(output) if output.strip() else None

    return command


def names(found: list[dict[str, Any]]) -> set[str]:
    return {one["name"] for one in found}


def test_snapshots(gcloud: Any, disk: str, gce: Gce) -> None:
    """Take two snapshots by either command, describe, label, list and delete them."""
    gcloud("snapshots", "create", "first", f"--source-disk={disk}", f"--source-disk-zone={ZONE}", "--labels=a=1")
    gcloud("disks", "snapshot", disk, f"--zone={ZONE}", "--snapshot-names=second", "--description=by the disk")
    first, second = (gcloud("snapshots", "describe", name) for name in ("first", "second"))
    assert (first["status"], first["labels"], second["description"]) == ("READY", {"a": "1"}, "by the disk")
    assert first["sourceDisk"] == second["sourceDisk"]
    gcloud("snapshots", "update", "first", "--update-labels=b=2", "--remove-labels=a")
    assert gce.get("global/snapshots/first")["labels"] == {"b": "2"}
    assert names(gcloud("snapshots", "list")) == {"first", "second"}
    assert names(gcloud("snapshots", "list", "--filter=name=second")) == {"second"}
    gcloud("snapshots", "delete", "first", "second")
    assert gcloud("snapshots", "list") == []


def test_images(gcloud: Any, disk: str, gce: Gce) -> None:
    """Create an image of a disk and of a snapshot, change, deprecate, list and delete them."""
    source = (f"--source-disk={disk}", f"--source-disk-zone={ZONE}")
    gcloud("images", "create", "lab-1", *source, "--family=lab", "--labels=a=1", "--description=one")
    gcloud("snapshots", "create", "third", *source)
    gcloud("images", "create", "lab-2", "--source-snapshot=third", "--family=lab")
    assert gcloud("images", "describe-from-family", "lab")["name"] in {"lab-1", "lab-2"}
    gcloud("images", "deprecate", "lab-2", "--state=DEPRECATED", "--replacement=lab-1")
    assert gcloud("images", "describe", "lab-2")["deprecated"]["state"] == "DEPRECATED"
    assert gcloud("images", "describe-from-family", "lab")["name"] == "lab-1"
    gcloud("images", "update", "lab-1", "--family=other", "--description=two", "--update-labels=b=2")
    image = gce.get("global/images/lab-1")
    assert (image["family"], image["description"], image["labels"]) == ("other", "two", {"a": "1", "b": "2"})
    assert names(gcloud("images", "list", "--no-standard-images")) == {"lab-1"}
    assert names(gcloud("images", "list", "--no-standard-images", "--show-deprecated")) == {"lab-1", "lab-2"}
    gcloud("images", "deprecate", "lab-2", "--state=ACTIVE")
    assert names(gcloud("images", "list", "--no-standard-images")) == {"lab-1", "lab-2"}
    gcloud("images", "delete", "lab-1", "lab-2")
    assert gcloud("images", "list", "--no-standard-images") == []
    gcloud("snapshots", "delete", "third")


def test_instance_templates(gcloud: Any, gce: Gce) -> None:
    """Create a global and a regional template with what users set, describe, list and delete them."""
    wishes = ("--machine-type=e2-small", "--image-family=debian-12", "--image-project=debian-cloud", "--tags=web",
              "--labels=a=1", "--metadata=startup-script=true", "--boot-disk-size=20GB", "--boot-disk-type=pd-ssd",
              "--description=for tests")  # fmt: skip
    gcloud("instance-templates", "create", "wide", *wishes)
    gcloud("instance-templates", "create", "plain", "--instance-template-region=sandbox-east1")
    wide = gcloud("instance-templates", "describe", "wide")
    properties = wide["properties"]
    assert (properties["machineType"], properties["tags"]["items"]) == ("e2-small", ["web"])
    assert (properties["labels"], wide["description"]) == ({"a": "1"}, "for tests")
    assert properties["disks"][0]["initializeParams"]["diskSizeGb"] == "20"
    plain = gcloud("instance-templates", "describe", "plain", "--region=sandbox-east1")
    assert plain["region"].endswith("/regions/sandbox-east1")
    assert names(gcloud("instance-templates", "list")) == {"wide", "plain"}
    gcloud("instance-templates", "delete", "wide")
    gcloud("instance-templates", "delete", "plain", "--region=sandbox-east1")
    assert gcloud("instance-templates", "list") == []
