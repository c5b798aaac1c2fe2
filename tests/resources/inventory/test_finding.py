"""How an object is found by its GCE name or its numeric id, whatever the collection."""

from fixtures.gce import Gce
from fixtures.instances import Ask
from fixtures.storage import ZONE
from gstack.resources.shared.naming import gce_id

DISKS = f"zones/{ZONE}/disks"


def test_an_id_that_was_never_shown(gce: Gce, ask: Ask) -> None:
    """An object that was made in CloudStack is found by its numeric id before any answer showed it."""
    custom = next(one["id"] for one in ask("listDiskOfferings")["diskoffering"] if one["iscustomized"])
    zone = next(one["id"] for one in ask("listZones")["zone"] if one["name"] == ZONE)
    ask("createVolume", name="By Hand", zoneid=zone, diskofferingid=custom, size=1)
    made = ask("listVolumes", name="By Hand")["volume"][0]
    shown = gce.get(f"{DISKS}/{gce_id(made['id'])}")
    assert (shown["name"], shown["id"]) == ("by-hand", gce_id(made["id"]))
    assert gce.get(f"{DISKS}/by-hand")["id"] == shown["id"]


def test_a_name_is_free_once_its_object_is_gone(gce: Gce, ask: Ask) -> None:
    """The sidecar forgets an object that was deleted in CloudStack, so its name can be used again."""
    gce.done(gce.post(DISKS, {"name": "again", "sizeGb": "1"}))
    ask("deleteVolume", id=ask("listVolumes", name="again")["volume"][0]["id"])
    gce.refused("GET", f"{DISKS}/again", 404)
    gce.done(gce.post(DISKS, {"name": "again", "sizeGb": "2"}))
    assert gce.get(f"{DISKS}/again")["sizeGb"] == "2"
