"""A zone's alias in answers: the pure function, and a machine with a disk by the front door."""

import json
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import body_of
from gstack.gateway.zone_names import in_alias

LISTED, ALIAS = "Zone1", "zone1-a"


def test_every_mention_is_renamed() -> None:
    """URLs, paths and bare zone fields name the alias; other zones, and what users wrote, stay."""
    answer = {
        "zone": "Zone1",
        "selfLink": "https://h/compute/v1/projects/p/zones/Zone1/disks/d",
        "users": ["https://h/compute/v1/projects/p/zones/Zone1/instances/i", "zones/Zone10/instances/i"],
        "labels": {"a": "zones/Zone1"},
        "metadata": {"items": [{"key": "k", "value": "https://h/zones/Zone1/disks/d"}]},
    }
    assert in_alias(answer, LISTED, ALIAS) == answer | {
        "zone": "zone1-a",
        "selfLink": "https://h/compute/v1/projects/p/zones/zone1-a/disks/d",
        "users": ["https://h/compute/v1/projects/p/zones/zone1-a/instances/i", "zones/Zone10/instances/i"],
    }


def test_a_machine_in_a_zone_with_an_alias(gce: Gce) -> None:
    """What a client makes and reads by the alias names the alias alone; by the listed name it names that alone."""
    alias, listed = "sandbox-simulator-a", "Sandbox-simulator"
    place = f"zones/{alias}"
    answers: list[Any] = [gce.done(gce.post(f"{place}/disks", {"name": "d-alias", "sizeGb": "5"}))]
    answers.append(gce.done(gce.post(f"{place}/instances", body_of(alias, "vm-alias"))))
    attach = {"source": f"{place}/disks/d-alias", "deviceName": "data"}
    answers.append(gce.done(gce.post(f"{place}/instances/vm-alias/attachDisk", attach)))
    paths = ("instances", "instances/vm-alias", "disks", "disks/d-alias", "machineTypes/e2-small", "diskTypes/pd-ssd")
    answers += [gce.get(f"{place}/{path}") for path in paths]
    assert [listed for answer in answers if f"/zones/{listed}" in json.dumps(answer)] == []
    assert answers[-2]["zone"] == alias
    shown = gce.get(f"zones/{listed}/instances/vm-alias")
    assert f"/zones/{alias}" not in json.dumps(shown)
    gce.done(gce.delete(f"{place}/instances/vm-alias"))
    gce.done(gce.delete(f"{place}/disks/d-alias"))
