"""Volumes as rows: their answer, and the steps that several commands share.

A row has number, name, type (ROOT or DATADISK), zoneid, accountid, size (bytes), state, created; and optionally
virtualmachineid, deviceid, diskofferingid, serviceofferingid, templateid, snapshotid, attached.
"""

from __future__ import annotations

from gstack.sandbox import views
from gstack.sandbox.errors import invalid
from gstack.sandbox.registry import Answer
from gstack.sandbox.world import Row, World, new_id, now

GIB = 1024**3
ROOT, DATA = "ROOT", "DATADISK"
CUSTOM_MAXIMUM = 1024  # GB, `customdiskofferingmaxsize` of listCapabilities


def new(world: World, **fields: object) -> Row:
    """Store a new volume; the caller gives name, type, zoneid, accountid, size and what else it has."""
    number = world.next_number("volume")
    return world.put("volume", {"id": new_id(), "number": number, "state": "Allocated", "created": now()} | fields)


def offered_size(offering: Row, gigabytes: int | None) -> int:
    """Return the bytes of a data disk; raise 431 if the offering does not allow the requested size."""
    if not offering["iscustomized"]:
        if gigabytes is not None:
            raise invalid("This disk offering does not allow custom size specified")
        return int(offering["disksize"]) * GIB
    if gigabytes is None:
        raise invalid("This disk offering requires a custom size specified")
    if gigabytes <= 0:
        raise invalid("Disk size must be larger than 0")
    if gigabytes > CUSTOM_MAXIMUM:
        raise invalid(f"Volume size: {gigabytes} GB is out of allowed range. Min: 1. Max: {CUSTOM_MAXIMUM}")
    return gigabytes * GIB


def next_device(world: World, machine_id: str) -> int:
    """Return the lowest free device number of a machine for a data disk; 0 is the root's, 3 the CD drive's."""
    taken = {volume.get("deviceid") for volume in world.find("volume", virtualmachineid=machine_id)}
    return next(number for number in range(1, len(taken) + 3) if number not in taken and number != 3)  # noqa: PLR2004


def detach(world: World, volume: Row) -> Row:
    """Detach a volume from its machine; a root volume becomes a data volume. Its state remains."""
    return world.update("volume", volume["id"], type=DATA, virtualmachineid=None, deviceid=None, attached=None)


def view(world: World, row: Row) -> Answer:
    shown: Answer = {"id": row["id"], "name": row["name"], **views.zone(world, row), "type": row["type"]}
    if "virtualmachineid" in row:
        shown |= {"deviceid": row["deviceid"], "virtualmachineid": row["virtualmachineid"]}
    shown |= _template(world, row)
    machine = world.get("virtualmachine", row.get("virtualmachineid"))
    if machine:
        shown |= _machine(machine)
    shown |= {"provisioningtype": "thin", "size": row["size"], "created": row["created"], "state": row["state"]}
    shown |= views.owner(world, row)
    if machine and machine.get("started"):
        shown |= {"diskkbsread": 0, "diskkbswrite": 0, "diskioread": 0, "diskiowrite": 0}
    shown |= {"attached": row["attached"]} if "attached" in row else {}
    shown |= _offering(world, row)
    return {**shown, **_rest(world, row)}


def _template(world: World, row: Row) -> Answer:
    template = world.get("template", row.get("templateid"))
    if template is None:
        return {}
    return {
        "templateid": template["id"],
        "templatename": template["name"],
        "templatedisplaytext": template["displaytext"],
    }


def _machine(machine: Row) -> Answer:
    return {
        "vmname": machine["name"],
        "vmdisplayname": machine.get("displayname", machine["name"]),
        "vmstate": machine["state"],
        "vmtype": "User",
    }


def _offering(world: World, row: Row) -> Answer:
    disk = world.get("diskoffering", row.get("diskofferingid"))
    shown: Answer = {"destroyed": row["state"] == "Destroy"}
    if disk:
        names = {"diskofferingname": disk["name"], "diskofferingdisplaytext": disk["displaytext"]}
        return {"diskofferingid": disk["id"], **names, **shown}
    offering = world.get("serviceoffering", row.get("serviceofferingid"))
    if offering is None:
        return shown
    number = [other["id"] for other in world.all("serviceoffering")].index(offering["id"]) + 1
    return {
        **shown,
        "serviceofferingid": str(number),  # as recorded, CloudStack shows the row number here, not the uuid
        "serviceofferingname": offering["name"],
        "serviceofferingdisplaytext": offering["displaytext"],
    }


def _rest(world: World, row: Row) -> Answer:
    return {
        "isextractable": row["type"] == DATA,
        "quiescevm": False,
        "supportsstoragesnapshot": False,
        "deleteprotection": False,
        "tags": views.tags(world, row["id"]),
        "hasannotations": False,
    }
