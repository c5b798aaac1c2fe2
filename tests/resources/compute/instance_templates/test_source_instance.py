"""Templates of instances by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of

PATH = "global/instanceTemplates"
Made = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("zone", ["sandbox-east1-a", "Sandbox-simulator"])
def test_a_machine_like_another(gce: Gce, made: Made, zone: str) -> None:
    """A template of an instance makes another like it, with addresses and disks of its own."""
    data = {"initializeParams": {"diskSizeGb": "3", "diskType": "pd-ssd"}, "deviceName": "data", "autoDelete": True}
    items = [{"key": "startup-script", "value": "#!/bin/sh"}]
    first = made(
        zone, "vm-first", disks=[*body_of(zone, "x")["disks"], data], labels={"a": "b"}, tags={"items": ["web"]},
        metadata={"items": items}, description="first",
    )  # fmt: skip
    path = f"zones/{zone}/instances/vm-first"
    gce.done(gce.post(PATH, {"name": "of-first", "description": "like it", "sourceInstance": path}))
    shown = gce.get(f"{PATH}/of-first")
    assert (shown["description"], shown["sourceInstance"]) == ("like it", first["selfLink"])
    boot, blank = (disk["initializeParams"] for disk in shown["properties"]["disks"])
    assert boot["sourceImage"].endswith("projects/debian-cloud/global/images/debian-12-v20260101")
    assert (blank["diskSizeGb"], blank["diskType"], "sourceImage" in blank) == ("3", "pd-ssd", False)
    gce.done(gce.post(f"zones/{zone}/instances", {"name": "vm-second"}, sourceInstanceTemplate=f"{PATH}/of-first"))
    second = gce.get(f"zones/{zone}/instances/vm-second")
    for field in ("labels", "machineType", "description", "scheduling", "serviceAccounts"):
        assert second[field] == first[field]
    assert (second["metadata"]["items"], second["tags"]["items"]) == (items, ["web"])
    assert [disk["diskSizeGb"] for disk in second["disks"]] == [disk["diskSizeGb"] for disk in first["disks"]]
    assert {disk["source"] for disk in second["disks"]}.isdisjoint(disk["source"] for disk in first["disks"])
    mine, its = second["networkInterfaces"][0], first["networkInterfaces"][0]
    assert (mine["network"], mine["networkIP"] != its["networkIP"], len(mine["accessConfigs"])) == (
        its["network"], True, 1,
    )  # fmt: skip
    gce.done(gce.delete(f"zones/{zone}/instances/vm-second"))
    gce.done(gce.delete(f"{PATH}/of-first"))


def test_other_disks(gce: Gce, made: Made) -> None:
    """DiskConfigs say by device name what disks are made of, and whether they go with their machine."""
    zone = "sandbox-east1-a"
    data = {"initializeParams": {"diskSizeGb": "3"}, "deviceName": "data"}
    made(zone, "vm-configs", disks=[*body_of(zone, "x")["disks"], data])
    body = {"name": "of-configs", "sourceInstance": f"zones/{zone}/instances/vm-configs"}

    def disks(*configs: dict[str, Any]) -> list[dict[str, Any]]:
        gce.done(gce.post(PATH, body | {"sourceInstanceParams": {"diskConfigs": list(configs)}}))
        shown: list[dict[str, Any]] = gce.get(f"{PATH}/of-configs")["properties"]["disks"]
        gce.done(gce.delete(f"{PATH}/of-configs"))
        return shown

    boot = {"deviceName": "persistent-disk-0", "autoDelete": False}
    (of_family,) = disks(
        boot | {"instantiateFrom": "SOURCE_IMAGE_FAMILY"}, {"deviceName": "data", "instantiateFrom": "DO_NOT_INCLUDE"}
    )
    assert of_family["initializeParams"]["sourceImage"].endswith("/debian-cloud/global/images/family/debian-12")
    assert of_family["autoDelete"] is False
    custom = "projects/rocky-linux-cloud/global/images/family/rocky-linux-9"
    of_custom, blank = disks(boot | {"instantiateFrom": "CUSTOM_IMAGE", "customImage": custom})
    assert of_custom["initializeParams"]["sourceImage"].endswith(custom)
    assert (blank["deviceName"], "sourceImage" in blank["initializeParams"]) == ("data", False)


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"sourceInstance": "vm"}, 400, "zones/ZONE/instances/INSTANCE"),
        ({"sourceInstance": "zones/sandbox-east1-a/instances/none"}, 404, "instances/none"),
        ({"sourceInstance": "projects/other/zones/sandbox-east1-a/instances/vm-refuses"}, 404, "projects/other"),
        ({"properties": {"machineType": "n1-standard-1"}}, 400, "send either properties or sourceInstance, not both."),
        ({"diskConfigs": [{"deviceName": "sdz"}]}, 400, "'sdz'"),
        ({"diskConfigs": [{"deviceName": "persistent-disk-0", "instantiateFrom": "BLANK"}]}, 400, "needs an image"),
        (
            {"diskConfigs": [{"deviceName": "persistent-disk-0", "instantiateFrom": "ATTACH_READ_ONLY"}]},
            400,
            "cannot attach disks read-only",
        ),
        ({"diskConfigs": [{"deviceName": "persistent-disk-0", "instantiateFrom": "CUSTOM_IMAGE"}]}, 400, "customImage"),
        (
            {"diskConfigs": [{"deviceName": "data", "instantiateFrom": "SOURCE_IMAGE"}]},
            400,
            "not created from an image",
        ),
    ],
)
def test_refused(gce: Gce, machine: str, changes: dict[str, Any], status: int, word: str) -> None:
    """What is not there or cannot be is refused by name, and no template is made."""
    body = {"name": "of-no", "sourceInstance": machine}
    if "diskConfigs" in changes:
        changes = {"sourceInstanceParams": changes}
    assert word in gce.refused("POST", PATH, status, body | changes)["message"]
    gce.refused("GET", f"{PATH}/of-no", 404)


@pytest.fixture
def machine(gce: Gce) -> str:
    """The path of an instance with a blank data disk, made once."""
    zone = "sandbox-east1-a"
    path = f"zones/{zone}/instances/vm-refuses"
    if gce.call("GET", path).status_code != 200:
        data = {"initializeParams": {"diskSizeGb": "3"}, "deviceName": "data"}
        disks = [*body_of(zone, "x")["disks"], data]
        gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-refuses", disks=disks)))
    return path
