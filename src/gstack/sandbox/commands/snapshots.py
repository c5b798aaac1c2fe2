"""Snapshots of volumes. A deleted one stays in state Destroyed, which commands still find but lists do not show."""

from __future__ import annotations

from gstack.sandbox import limits, views
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, begin, command, failure, work
from gstack.sandbox.world import Row, World, now

DESTROYED = "Destroyed"


@command("createSnapshot", volumeid="volume")
def create_snapshot(call: Call) -> Job:
    volume = call.entity("volume", "volumeid")
    if volume["state"] != "Ready":
        raise invalid(f"VolumeId: {volume['id']} is not in Ready state but {volume['state']}. Cannot take snapshot.")
    row = _new(call, volume)
    owner = call.world.one("account", volume["accountid"])
    limits.require(call.world, owner, snapshot=1, secondary_storage=row["physicalsize"] / limits.GIB)
    call.world.put("snapshot", row)
    return Job("Snapshot", row["id"], queue=volume["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _new(call: Call, volume: Row) -> Row:
    number = call.world.next_number("snapshot")
    row: Row = {
        "number": number,
        "name": call.args.get("name", f"{volume['name']}_{now()[:19]}"),
        "accountid": volume["accountid"],
        "volumeid": volume["id"],
        "volumename": volume["name"],
        "volumetype": volume["type"],
        "zoneid": volume["zoneid"],
        "virtualsize": volume["size"],
        "physicalsize": volume["size"] if volume["type"] == "ROOT" else 0,
        "state": "Allocated",
        "created": now(),
    }
    copied = {
        field: volume[field] for field in ("diskofferingid", "serviceofferingid", "templateid") if field in volume
    }
    return row | copied


@begin("createSnapshot")
def creating_snapshot(call: Call) -> None:
    call.world.update("snapshot", call.facts["id"], state="BackingUp")


@failure("createSnapshot")
def not_created(call: Call) -> None:
    call.world.update("snapshot", call.facts["id"], state="Error")


@work("createSnapshot")
def created_snapshot(call: Call) -> Answer:
    row = call.world.update("snapshot", call.facts["id"], state="BackedUp")
    shown = {**to_snapshot(call.world, row), "snapshottype": "MANUAL"}
    if "ostypeid" in shown:
        shown["osdisplayname"] = call.world.one("ostype", shown["ostypeid"])["description"]
    return {"snapshot": shown}


@command("listSnapshots", id="snapshot", ids="snapshot")
def list_snapshots(call: Call) -> Answer:
    """Return the snapshots; all of them are manual ones."""
    kinds = {call.args.get(name, "MANUAL").upper() for name in ("snapshottype", "intervaltype")}
    rows = [row for row in call.own_rows("snapshot") if row["state"] != DESTROYED and kinds <= {"MANUAL"}]
    return page(call, "snapshot", chosen(call, rows, "name", "zoneid", "volumeid"), to_snapshot)


@command("deleteSnapshot", id="snapshot")
def delete_snapshot(call: Call) -> Job:
    return Job("Snapshot", call.args["id"])


@work("deleteSnapshot")
def deleted_snapshot(call: Call) -> Answer:
    row = call.entity("snapshot", "id")
    if row["state"] == DESTROYED:
        raise invalid(
            f'Snapshot [Snapshot {{"id":{row["number"]},"name":"{row["name"]}","state":"Destroyed",'
            f'"uuid":"{row["id"]}","version":"2.2"}}] is already destroyed'
        )
    call.world.update("snapshot", row["id"], state=DESTROYED)
    for tag in call.world.find("tag", resourceid=row["id"]):
        call.world.delete("tag", tag["id"])
    return {"success": True}


@command("revertSnapshot", id="snapshot")
def revert_snapshot(call: Call) -> Job:
    return Job("Snapshot", call.args["id"])


@work("revertSnapshot")
def reverted_snapshot(call: Call) -> Answer:
    row = call.entity("snapshot", "id")
    volume = call.world.get("volume", row["volumeid"])
    if volume is None:
        raise invalid(f"Unable to revert snapshot {row['name']}: its volume does not exist any more")
    machine = call.world.get("virtualmachine", volume.get("virtualmachineid"))
    if machine and machine["state"] != "Stopped":
        raise invalid("The VM the specified disk is attached to is not in the shutdown state.")
    call.world.update("volume", volume["id"], size=row["virtualsize"])
    return {"snapshot": to_snapshot(call.world, row)}


def to_snapshot(world: World, row: Row) -> Answer:
    volume = world.get("volume", row["volumeid"])
    shown: Answer = {"id": row["id"], **views.owner(world, row), "volumeid": row["volumeid"]}
    shown |= {"volumename": row["volumename"], "volumetype": row["volumetype"]}
    shown |= {"volumestate": volume["state"]} if volume else {}
    shown |= {"created": row["created"], "name": row["name"], "intervaltype": "MANUAL", "state": row["state"]}
    shown |= {"physicalsize": row["physicalsize"], **views.zone(world, row), "revertable": False}
    template = world.get("template", row.get("templateid"))
    shown |= {"ostypeid": template["ostypeid"]} if template else {}
    size = volume["size"] if volume else row["virtualsize"]
    return {**shown, "virtualsize": size, "tags": views.tags(world, row["id"]), "hasannotations": False}
