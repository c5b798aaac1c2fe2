"""disks.delete by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
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


def test_by_id_and_unknown(gce: Gce, other: Gce) -> None:
    """A disk may be named by its id; one that is not there, or somebody else's, is a 404."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "numbered", "sizeGb": "1"}))
    disk = gce.get(f"zones/{VPC}/disks/numbered")
    other.refused("DELETE", f"zones/{VPC}/disks/{disk['id']}", 404)
    gce.done(gce.delete(f"zones/{VPC}/disks/{disk['id']}"))
    gce.refused("DELETE", f"zones/{VPC}/disks/numbered", 404)


def test_lost_answer(gce: Gce, fault: Callable[..., None]) -> None:
    """A deletion whose answer was lost ended well."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "lost", "sizeGb": "1"}))
    fault("deleteVolume", "lost")
    gce.done(gce.delete(f"zones/{VPC}/disks/lost"))
    gce.refused("GET", f"zones/{VPC}/disks/lost", 404)
