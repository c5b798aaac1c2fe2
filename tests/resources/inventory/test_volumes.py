"""The names that CloudStack's volumes have as disks."""

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE
from gstack.resources.inventory.volumes import Volume, names_of, user_of, uuids
from gstack.resources.shared.sizes import GIB

ROOT = Volume(id="r1", name="ROOT-54", zoneid="z1", type="ROOT", virtualmachineid="m1", vmname="vm1-0a3f")


def test_a_root_volume_has_its_machines_name() -> None:
    """ROOT-54 is the disk `vm1` of the machine vm1, however that is known."""
    hand_made = Volume(id="r2", name="ROOT-55", zoneid="z1", type="ROOT", virtualmachineid="m2", vmname="Web")
    facts = {"m1": {"name": "vm1"}}
    assert names_of([ROOT, hand_made], facts) == {"r1": "vm1", "r2": "web"}
    assert (user_of(ROOT, facts), user_of(hand_made, facts)) == ("vm1", "web")


def test_the_sidecar_names_a_root_volume() -> None:
    """A boot disk that was given a name has it, also when it left its machine."""
    loose = Volume(id="r1", name="ROOT-54", zoneid="z1", type="DATADISK")
    assert names_of([loose], {"r1": {"name": "boot"}}) == {"r1": "boot"}
    assert names_of([loose], {}) == {"r1": "root-54"}
    assert user_of(loose, {}) == ""


def test_equal_volume_names_are_told_apart() -> None:
    """CloudStack lets two volumes share a name; two disks of a zone never do."""
    pair = [Volume(id=uuid, name="data", zoneid="z1", type="DATADISK") for uuid in ("a", "b")]
    assert len(set(names_of(pair, {}).values())) == 2


@pytest.mark.parametrize(
    ("state", "machine_state", "shown"),
    [
        ("Ready", "Running", True),
        ("Ready", "", True),
        ("Ready", "Destroyed", False),
        ("Destroy", "", False),
        ("Expunged", "", False),
    ],
)
def test_what_is_gone_is_no_disk(state: str, machine_state: str, shown: bool) -> None:
    """Deleted volumes and the root volumes of destroyed machines are listed by CloudStack and not here."""
    assert Volume(id="a", state=state, vmstate=machine_state).shown is shown


def test_sizes_are_rounded_up() -> None:
    """A size that is no whole number of GB counts as the next one."""
    assert Volume(id="a", size=2 * GIB).gigabytes == 2
    assert Volume(id="a", size=2 * GIB + 1).gigabytes == 3


def test_whose_facts_show_a_volume() -> None:
    """A volume is shown from its own facts and its machine's."""
    assert uuids([ROOT, Volume(id="b")]) == {"r1", "m1", "b"}


def test_what_is_listed_can_be_used(gce: Gce, ask: Ask) -> None:
    """A disk whose shown name is none of CloudStack's can be got, filtered and used by it."""
    offerings = ask("listDiskOfferings")["diskoffering"]
    custom = next(one["id"] for one in offerings if one["iscustomized"])
    zone = next(one["id"] for one in ask("listZones")["zone"] if one["name"] == ZONE)
    for name in ("My Data_1", "twin", "twin"):
        ask("createVolume", name=name, zoneid=zone, diskofferingid=custom, size=1)
    path = f"zones/{ZONE}/disks"
    shown = {one["name"]: one["id"] for one in gce.items(path)}
    assert "my-data-1" in shown
    assert len([name for name in shown if name.startswith("twin-")]) == 2
    for name, number in shown.items():
        assert gce.get(f"{path}/{name}")["id"] == number
        assert [one["id"] for one in gce.items(path, filter=f"name={name}")] == [number]
    gce.done(gce.delete(f"{path}/my-data-1"))
    assert shown["my-data-1"] not in {one["id"] for one in gce.items(path)}


@pytest.mark.parametrize(
    "form",
    [
        "https://www.googleapis.com/compute/v1/projects/demo/zones/{zone}/disks/{name}",
        "projects/demo/zones/{zone}/disks/{name}",
        "zones/{zone}/disks/{name}",
        "disks/{name}",
        "{name}",
        "zones/{zone}/disks/{id}",
    ],
)
def test_forms(gce: Gce, form: str) -> None:
    """A body may name a disk in every form that clients use."""
    gce.call("POST", f"zones/{ZONE}/disks", {"name": "first", "sizeGb": "1"})
    first = gce.get(f"zones/{ZONE}/disks/first")
    body = {"name": "second", "sourceDisk": form.format(zone=ZONE, name="first", id=first["id"])}
    gce.done(gce.post(f"zones/{ZONE}/disks", body))
    assert gce.get(f"zones/{ZONE}/disks/second")["sourceDisk"] == first["selfLink"]
    gce.done(gce.delete(f"zones/{ZONE}/disks/second"))


def test_zone_of_the_url(gce: Gce) -> None:
    """A zone that does not exist is a 404."""
    assert "zones/none" in gce.refused("DELETE", "zones/none/disks/first", 404)["message"]
