"""Snapshot policies of volumes: stored and listed only; the sandbox takes no snapshots by itself.

A volume has one policy per interval type: a second one replaces the first. As measured, minutes are not checked and
an unknown time zone becomes GMT.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gstack.sandbox import removal, views
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World

INTERVALS = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY")  # the index is the number in CloudStack's answers
MOST = (8, 8, 8, 12)  # CloudStack's snapshot.max.hourly and so on


@command("createSnapshotPolicy", volumeid="volume")
def create(call: Call) -> Answer:
    args, volume = call.args, call.entity("volume", "volumeid")
    name = args["intervaltype"].upper()
    if name not in INTERVALS:
        raise invalid(f"Unsupported interval type {args['intervaltype']}")
    number = INTERVALS.index(name)
    if args["schedule"].count(":") != (0, 1, 2, 2)[number]:
        raise invalid(f"Invalid schedule: {args['schedule']} for interval type {name}")
    if args["maxsnaps"] < 1:
        raise invalid(f"maxSnaps [{args['maxsnaps']}] for volume {volume['name']} should be greater than 0.")
    if args["maxsnaps"] > MOST[number]:
        raise invalid(
            f"maxSnaps [{args['maxsnaps']}] for volume {volume['name']} exceeds limit [{MOST[number]}] for interval "
            f"type [{name}]."
        )
    row: Row = {"schedule": args["schedule"], "maxsnaps": args["maxsnaps"], "timezone": _timezone(args["timezone"])}
    old = call.world.first("snapshotpolicy", volumeid=volume["id"], intervaltype=number)
    if old:
        row = call.world.update("snapshotpolicy", old["id"], **row)
    else:
        place = {"volumeid": volume["id"], "accountid": volume["accountid"], "intervaltype": number}
        row = call.world.put("snapshotpolicy", {**row, **place})
    return {"snapshotpolicy": to_policy(call.world, row)}


def _timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        return "GMT"


@command("listSnapshotPolicies", id="snapshotpolicy", volumeid="volume")
def list_policies(call: Call) -> Answer:
    rows = chosen(call, reversed(call.own_rows("snapshotpolicy")), "volumeid")
    return page(call, "snapshotpolicy", rows, to_policy)


@command("updateSnapshotPolicy", id="snapshotpolicy")
def update(_call: Call) -> Job:
    return Job("SnapshotPolicy")


@work("updateSnapshotPolicy")
def updated(call: Call) -> Answer:
    """Return the policy: an ordinary user cannot change anything in it."""
    return {"snapshotpolicy": to_policy(call.world, call.entity("snapshotpolicy", "id"))}


@command("deleteSnapshotPolicies", id="snapshotpolicy", ids="snapshotpolicy")
def delete(call: Call) -> Answer:
    identities = call.args.get("ids") or [call.args[name] for name in ("id",) if name in call.args]
    if not identities:
        raise invalid("At least one policy id (different from Manual) must be specified")
    for identity in identities:
        removal.remove(call.world, "snapshotpolicy", identity)
    return {"success": True}


def to_policy(world: World, row: Row) -> Answer:
    volume = world.get("volume", row["volumeid"])
    shown: Answer = {"id": row["id"], "volumeid": row["volumeid"]}
    if volume is None:
        return {**shown, **_schedule(row), "zone": [], "storage": [], "tags": []}
    zone = world.one("zone", volume["zoneid"])
    facts = {"isnsxenabled": False, "ismultiarch": False, "routedmodeenabled": False}
    storage = {"id": zone["zonetoken"], "name": f"{zone['name']}-ps1"}
    return {
        **shown,
        "volumename": volume["name"],
        **_schedule(row),
        "zone": [{"id": zone["id"], "name": zone["name"], **facts}],
        "storage": [storage],
        "tags": views.short_tags(world, row["id"]),
    }


def _schedule(row: Row) -> Answer:
    return {field: row[field] for field in ("schedule", "intervaltype", "maxsnaps", "timezone")}
