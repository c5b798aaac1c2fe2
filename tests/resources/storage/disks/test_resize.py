"""disks.resize by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


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
def test_refused(gce: Gce, name: str, body: dict[str, Any], status: int, word: str) -> None:
    """A size that cannot be is refused and told why; a type of fixed size has no other."""
    for known, kind in (("five", "pd-standard"), ("fixed", "small")):
        gce.call("POST", f"zones/{VPC}/disks", {"name": known, "type": kind, "sizeGb": "5"})
    assert word in gce.refused("POST", f"zones/{VPC}/disks/{name}/resize", status, body)["message"]


@pytest.mark.parametrize("kind", ["lost", "drop"])
def test_lost_answer(gce: Gce, fault: Callable[..., None], kind: str) -> None:
    """A growth whose answer was lost ends at the size that was asked for."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": f"lost-{kind}", "sizeGb": "1"}))
    fault("resizeVolume", kind)
    assert resized(gce, VPC, f"lost-{kind}", "2") == "2"


def test_failure(gce: Gce, fault: Callable[..., None]) -> None:
    """A growth that CloudStack fails is a failed operation with its reason, and the disk is as it was."""
    gce.done(gce.post(f"zones/{VPC}/disks", {"name": "unlucky", "sizeGb": "1"}))
    fault("resizeVolume", "job_failed", errortext="Pool is full")
    operation = gce.finished(gce.post(f"zones/{VPC}/disks/unlucky/resize", {"sizeGb": "2"}))
    assert "Pool is full" in operation["error"]["errors"][0]["message"]
    assert gce.get(f"zones/{VPC}/disks/unlucky")["sizeGb"] == "1"
