"""Volumes: made empty or from a snapshot, attached, detached, grown, deleted."""

from __future__ import annotations

from gstack.sandbox import limits, removal, volumes
from gstack.sandbox.errors import CloudStackError, invalid, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World, now

ROOT_DEVICE = 0
MAX_DEVICES = 16


@command("listVolumes", id="volume", ids="volume")
def list_volumes(call: Call) -> Answer:
    exact = ("name", "zoneid", "type", "virtualmachineid", "diskofferingid", "state")
    rows = chosen(call, call.own_rows("volume"), *exact)
    if call.args.get("retrieveonlyresourcecount"):
        return {"count": len(rows)}
    return page(call, "volume", rows, volumes.view)


@command("createVolume", snapshotid="snapshot", virtualmachineid="virtualmachine")
def create_volume(call: Call) -> Job:
    fields = _from_snapshot(call) if "snapshotid" in call.args else _empty(call)
    limits.require(call.world, call.owner, volume=1, primary_storage=fields["size"] // volumes.GIB)
    row = volumes.new(
        call.world, name=call.args.get("name", "volume"), type=volumes.DATA, accountid=call.owner["id"], **fields
    )
    return Job("Volume", row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _empty(call: Call) -> Row:
    offering, zone = call.optional("diskoffering", "diskofferingid"), call.optional("zone", "zoneid")
    if offering is None:
        raise invalid(
            "Missing parameter(s),either a positive volume size or a valid disk offering id must be specified."
        )
    if zone is None:
        raise invalid("Unable to find zone by id null")
    size = volumes.offered_size(offering, call.args.get("size"))
    return {"zoneid": zone["id"], "size": size, "diskofferingid": offering["id"]}


def _from_snapshot(call: Call) -> Row:
    snapshot = call.require_use(call.entity("snapshot", "snapshotid"))
    if snapshot["state"] != "BackedUp":
        raise invalid(
            f"Snapshot id={snapshot['id']} is not in BackedUp state yet and can't be used for volume creation"
        )
    offering = call.optional("diskoffering", "diskofferingid")
    root = snapshot["volumetype"] == volumes.ROOT
    if offering and not root:
        raise invalid(
            "Disk Offering ID cannot be passed whilst creating volume from snapshot other than ROOT disk snapshots"
        )
    size = volumes.offered_size(offering, call.args.get("size")) if offering else snapshot["virtualsize"]
    if size < snapshot["virtualsize"]:
        raise invalid(f"Invalid size for volume creation: {size}, the snapshot has {snapshot['virtualsize']} bytes")
    fields: Row = {
        "zoneid": call.args.get("zoneid", snapshot["zoneid"]),
        "size": size,
        "snapshotid": snapshot["id"],
        "diskofferingid": offering["id"] if offering else snapshot.get("diskofferingid"),
        "templateid": snapshot.get("templateid"),  # that of the volume which the snapshot was taken of
        "serviceofferingid": None if offering else snapshot.get("serviceofferingid"),
    }
    return {field: value for field, value in fields.items() if value is not None}


@work("createVolume")
def created_volume(call: Call) -> Answer:
    row = call.world.one("volume", call.facts["id"])
    if "snapshotid" in row:
        row = call.world.update("volume", row["id"], state="Ready")
    machine = call.optional("virtualmachine", "virtualmachineid")
    if machine:
        row = _attach(call.world, row, machine, None)
    shown = volumes.view(call.world, row)
    return {"volume": shown | ({"snapshotid": row["snapshotid"]} if "snapshotid" in row else {})}  # nowhere else


@command("attachVolume", id="volume", virtualmachineid="virtualmachine")
def attach_volume(call: Call) -> Job:
    return Job("Volume", call.args["id"], queue=call.args["virtualmachineid"])


@work("attachVolume")
def attached_volume(call: Call) -> Answer:
    volume, machine = call.entity("volume", "id"), call.entity("virtualmachine", "virtualmachineid")
    return {"volume": volumes.view(call.world, _attach(call.world, volume, machine, call.args.get("deviceid")))}


def _attach(world: World, volume: Row, machine: Row, device: int | None) -> Row:
    _check_attachable(volume, machine)
    taken = {row.get("deviceid") for row in world.find("volume", virtualmachineid=machine["id"])}
    if device is None:
        device = volumes.next_device(world, machine["id"])
    if device in taken:
        raise invalid(f"deviceId {device} is used by vm {machine['id']}")
    if device > MAX_DEVICES or device < ROOT_DEVICE:
        raise invalid(f"deviceId should be 1,2,4-{MAX_DEVICES}")
    if device == ROOT_DEVICE and machine["state"] != "Stopped":
        raise invalid("Device id 0 is used for the ROOT volume, which can be attached to a stopped machine only")
    return world.update(
        "volume",
        volume["id"],
        virtualmachineid=machine["id"],
        deviceid=device,
        type=volumes.ROOT if device == ROOT_DEVICE else volumes.DATA,
        state="Ready",
        attached=now(),
    )


def _check_attachable(volume: Row, machine: Row) -> None:
    if "virtualmachineid" in volume:
        raise invalid("Please specify a volume that is not attached to any VM.")
    if volume["state"] not in ("Allocated", "Ready", "Uploaded"):
        raise invalid("Volume state must be in Allocated, Ready or in Uploaded state")
    if machine["state"] not in ("Running", "Stopped"):
        raise invalid("Please specify a VM that is either running or stopped.")
    if volume["zoneid"] != machine["zoneid"]:
        raise invalid("Please specify a VM that is in the same zone as the volume.")
    if volume["accountid"] != machine["accountid"]:
        raise invalid("The volume and the machine belong to different owners.")


@command("detachVolume", id="volume", virtualmachineid="virtualmachine")
def detach_volume(call: Call) -> Job:
    volume = _detached(call)
    return Job("Volume", volume["id"], queue=volume.get("virtualmachineid"), facts={"id": volume["id"]})


def _detached(call: Call) -> Row:
    if "id" in call.args:
        return call.entity("volume", "id")
    if "virtualmachineid" in call.args and "deviceid" in call.args:
        found = call.world.first(
            "volume", virtualmachineid=call.args["virtualmachineid"], deviceid=call.args["deviceid"]
        )
        if found:
            return found
    raise invalid("Please provide either a volume id, or a tuple(device id, instance id)")


@work("detachVolume")
def detached_volume(call: Call) -> Answer:
    volume = call.world.one("volume", call.facts["id"])
    machine = call.world.get("virtualmachine", volume.get("virtualmachineid"))
    if machine is None:
        raise invalid("The specified volume is not attached to a VM.")
    if volume["type"] == volumes.ROOT and machine["state"] not in ("Stopped", "Destroyed"):
        raise invalid("Root volume detach can happen only when vm is in states: Stopped or Destroyed")
    return {"volume": volumes.view(call.world, volumes.detach(call.world, volume))}


@command("resizeVolume", id="volume")
def resize_volume(call: Call) -> Job:
    return Job("Volume", call.args["id"], queue=call.entity("volume", "id").get("virtualmachineid"))


@work("resizeVolume")
def resized_volume(call: Call) -> Answer:
    volume, offering = call.entity("volume", "id"), call.optional("diskoffering", "diskofferingid")
    changes: Row = {"size": _new_size(call, volume, offering)}
    if offering:
        changes["diskofferingid"] = offering["id"]
    if changes["size"] < volume["size"] and not call.args.get("shrinkok"):
        raise CloudStackError(
            432,  # as recorded, inside the job
            f"Going from existing size of {volume['size']} to size of {changes['size']} would shrink the volume."
            "Need to sign off by supplying the shrinkok parameter with value of true.",
        )
    _check_storage(call, volume, changes["size"])
    return {"volume": volumes.view(call.world, call.world.update("volume", volume["id"], **changes))}


def _check_storage(call: Call, volume: Row, size: int) -> None:
    try:
        grown = (size - volume["size"]) // volumes.GIB
        limits.require(call.world, call.world.one("account", volume["accountid"]), primary_storage=grown)
    except CloudStackError as error:
        raise runtime(error.text) from None  # in a job CloudStack keeps the text alone


def _new_size(call: Call, volume: Row, offering: Row | None) -> int:
    size = call.args.get("size")
    if offering:
        return volumes.offered_size(offering, size)
    if size is None or size <= 0:
        raise invalid("The requested size must be a positive number of GB")
    current = call.world.get("diskoffering", volume.get("diskofferingid"))
    if current and not current["iscustomized"]:
        raise invalid(
            "To change a volume's size without providing a new disk offering, its current disk offering must be "
            "customizable"
        )
    return int(size) * volumes.GIB


@command("changeOfferingForVolume", id="volume", diskofferingid="diskoffering")
def change_offering(call: Call) -> Job:
    return Job(queue=call.entity("volume", "id").get("virtualmachineid"))


@work("changeOfferingForVolume")
def changed_offering(call: Call) -> Answer:
    """Give a volume another offering, and its size: of a customised one the wanted, else the present size."""
    volume, offering = call.entity("volume", "id"), call.entity("diskoffering", "diskofferingid")
    size = call.args.get("size", volume["size"] // volumes.GIB) if offering["iscustomized"] else None
    size = volumes.offered_size(offering, size)
    if size < volume["size"] and not call.args.get("shrinkok"):
        raise invalid(f"Going from existing size of {volume['size']} to size of {size} would shrink the volume.")
    _check_storage(call, volume, size)
    row = call.world.update("volume", volume["id"], size=size, diskofferingid=offering["id"])
    return {"volume": volumes.view(call.world, row)}


@command("deleteVolume", id="volume")
def delete_volume(call: Call) -> Answer:
    volume = call.entity("volume", "id")
    if "virtualmachineid" in volume:
        raise invalid("Please specify a volume that is not attached to any VM.")
    removal.remove(call.world, "volume", volume["id"])
    return {"success": True}


@command("destroyVolume", id="volume")
def destroy_volume(call: Call) -> Job:
    return Job("Volume", call.args["id"])


@work("destroyVolume")
def destroyed_volume(call: Call) -> Answer:
    volume = call.entity("volume", "id")
    if "virtualmachineid" in volume:
        raise invalid("Please specify a volume that is not attached to any VM.")
    if volume["state"] == "Allocated" and not call.args.get("expunge"):
        raise invalid("The volume in Allocated/Uploaded state can only be expunged not destroyed/recovered")
    row = call.world.update("volume", volume["id"], state="Destroy")
    if call.args.get("expunge"):
        removal.remove(call.world, "volume", volume["id"])
    return {"volume": volumes.view(call.world, row)}


@command("recoverVolume", id="volume")
def recover_volume(call: Call) -> Answer:
    volume = call.entity("volume", "id")
    if volume["state"] != "Destroy":
        raise invalid("Please specify a volume in Destroy state.")
    return {"volume": volumes.view(call.world, call.world.update("volume", volume["id"], state="Ready"))}
