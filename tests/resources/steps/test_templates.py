"""Images when things go wrong on the way."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE

PATH = "global/images"
FILE = {"rawDisk": {"source": "http://images.example.org/lab.vhd"}}
Made = Callable[..., dict[str, Any]]


def templates(ask: Ask, name: str) -> set[str]:
    found = ask("listTemplates", templatefilter="self", name=name).get("template", [])
    return {template["id"] for template in found}


@pytest.mark.parametrize("command", ["createTemplate", "createTags"])
def test_failure_leaves_nothing(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None], command: str) -> None:
    """When a step fails the operation says why, no template is left, and the name is free."""
    name = f"fails-{command.lower()}"
    body = {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}", "family": "fails"}
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(PATH, body))
    assert "No room here" in operation["error"]["errors"][0]["message"]
    assert not templates(ask, name)
    gce.refused("GET", f"{PATH}/{name}", 404)
    gce.done(gce.post(PATH, body))


@pytest.mark.parametrize("command", ["createTemplate", "createTags", "copyTemplate", "deleteTemplate"])
def test_lost_answers(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None], command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice or left undone."""
    name = f"lost-{command.lower()}"
    fault(command, "lost")
    gce.done(gce.post(PATH, {"name": name, "sourceDisk": f"zones/{ZONE}/disks/{disk}", "labels": {"a": "b"}}))
    assert len(templates(ask, name)) == 1
    shown = gce.get(f"{PATH}/{name}")
    assert (shown["status"], shown["labels"], len(shown["storageLocations"])) == ("READY", {"a": "b"}, 3)
    gce.done(gce.delete(f"{PATH}/{name}"))
    gce.refused("GET", f"{PATH}/{name}", 404)


def test_a_lost_registration(gce: Gce, ask: Ask, fault: Callable[..., None]) -> None:
    """A file is registered once, though the answer was lost."""
    fault("registerTemplate", "lost")
    gce.done(gce.post(PATH, {"name": "lost-file", **FILE}))
    assert len(templates(ask, "lost-file")) == 1


@pytest.mark.parametrize("command", ["createSnapshot", "createTemplate"])
def test_a_running_machine(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None], command: str) -> None:
    """Where the image of a running machine fails, the snapshot on the way to it is gone too."""
    made(ZONE, "vm-fails")
    fault(command, "job_failed")
    body = {"name": "img-fails", "sourceDisk": f"zones/{ZONE}/disks/vm-fails"}
    assert "error" in gce.finished(gce.post(PATH, body, forceCreate="true"))
    assert "snapshot" not in ask("listSnapshots")
    assert not templates(ask, "img-fails")


def test_a_zone_that_cannot_have_it(gce: Gce, disk: str, fault: Callable[..., None]) -> None:
    """When the copy to the other zones fails the image stays, and the operation warns."""
    fault("copyTemplate", "job_failed", errortext="No storage there")
    operation = gce.done(gce.post(PATH, {"name": "img-alone", "sourceDisk": f"zones/{ZONE}/disks/{disk}"}))
    assert "No storage there" in operation["warnings"][0]["message"]
    assert gce.get(f"{PATH}/img-alone")["storageLocations"] == ["sandbox-east1"]


def test_a_failed_change_is_taken_back(gce: Gce, fault: Callable[..., None]) -> None:
    """When the tags cannot be changed the description goes back."""
    gce.done(gce.post(PATH, {"name": "img-back", "description": "old", "family": "old", **FILE}))
    before = gce.get(f"{PATH}/img-back")
    fault("deleteTags", "job_failed")
    operation = gce.call("PATCH", f"{PATH}/img-back", {"description": "new", "family": "new"}).json()
    assert "error" in gce.finished(operation)
    assert gce.get(f"{PATH}/img-back") == before


def test_others_of_the_name_stay(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Templates that somebody made by hand under the name are no part of what a failed operation takes back."""
    common = {"displaytext": "t", "format": "VHD", "hypervisor": "XenServer"}
    rest = {"url": "http://images.example.org/lab.vhd", "ostypeid": ask("listOsTypes")["ostype"][0]["id"]}
    zone = ask("listZones")["zone"][0]["id"]
    for _ in range(2):
        ask("registerTemplate", name="twin-image", zoneid=zone, **common, **rest)
    before = templates(ask, "twin-image")
    assert len(before) == 2
    body = {"name": "twin-image", "sourceDisk": f"zones/{ZONE}/disks/{disk}"}
    fault("createTemplate", "job_failed")
    assert "error" in gce.finished(gce.post(PATH, body))
    assert templates(ask, "twin-image") == before
    fault("createTemplate", "drop")
    gce.done(gce.post(PATH, body))
    assert len(templates(ask, "twin-image") - before) == 1


def test_two_at_once(gce: Gce, ask: Ask, disk: str, fault: Callable[..., None]) -> None:
    """Of two requests for one name the second makes nothing, however long its checks took."""
    body = {"name": "img-race", "sourceDisk": f"zones/{ZONE}/disks/{disk}"}
    fault("listVolumes", "slow", seconds=3)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(lambda: gce.call("POST", PATH, body).json())
        time.sleep(0.6)
        gce.done(gce.post(PATH, body))
        operation = gce.finished(slow.result())
    assert operation["httpErrorStatusCode"] == 409
    assert len(templates(ask, "img-race")) == 1
