"""Disks of images as they are asked for: the image, its size, the type, and the machine that can make one."""

from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of
from fixtures.storage import ZONE

FAMILY = "projects/debian-cloud/global/images/family/debian-12"


def asked(kind: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Path and body of the same wish: a disk, an instance's boot disk, an instance's further disk."""
    if kind == "disk":
        return f"zones/{ZONE}/disks", {"name": "not-made", **fields}
    names = {"sizeGb": "diskSizeGb", "type": "diskType"}
    wish = {"initializeParams": {names.get(name, name): value for name, value in fields.items()}}
    boot = body_of(ZONE, "x")["disks"]
    disks = [{**wish, "boot": True}] if kind == "boot" else [*boot, wish]
    return f"zones/{ZONE}/instances", body_of(ZONE, "not-made", disks=disks)


@pytest.mark.parametrize("kind", ["disk", "boot", "data"])
@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"sizeGb": "1"}, 400, "Requested disk size cannot be smaller than the image size (2 GB)"),
        ({"type": "none"}, 400, "This cloud has the disk types"),
        ({"type": "medium", "sizeGb": "19"}, 400, "20 GB only"),
        ({"sourceImage": "projects/debian-cloud/global/images/none"}, 404, "debian-cloud/global/images/none"),
        ({"sourceImage": "projects/debian-cloud/global/images/family/none"}, 404, "images/family/none"),
    ],
)
def test_refused(gce: Gce, kind: str, fields: dict[str, Any], status: int, word: str) -> None:
    """What a disk of an image cannot be is refused the same wherever it is asked for."""
    path, body = asked(kind, **{"sourceImage": FAMILY, **fields})
    assert word in gce.refused("POST", path, status, body)["message"]
