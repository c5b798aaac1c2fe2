"""Schedules of machines: stored and listed only; the sandbox does not follow them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gstack.sandbox import removal
from gstack.sandbox.errors import invalid, parameter_error
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World, now

ACTIONS = ("START", "STOP", "REBOOT", "FORCE_STOP", "FORCE_REBOOT")
FIELDS = 5  # of a cron expression: minute, hour, day of month, month, day of week


@command("createVMSchedule", virtualmachineid="virtualmachine")
def create(call: Call) -> Answer:
    args = call.args
    if args["action"].upper() not in ACTIONS:
        raise invalid(f"Invalid value for action: {args['action']}")
    action = args["action"].upper()
    row: Row = {
        "virtualmachineid": args["virtualmachineid"],
        "action": action,
        "enabled": args.get("enabled", True),
        "created": now(),
        "description": args.get("description") or f"{action} - {args['schedule']}",
        "startdate": (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }
    row |= _checked(call, args["timezone"])
    return {"vmschedule": to_schedule(call.world, call.world.put("vmschedule", row))}


def _checked(call: Call, timezone: str) -> Row:
    """Return the fields of a schedule that a call gives; 431 for bad ones."""
    args = call.args
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"Invalid value for timezone: {timezone}") from None
    row: Row = {"timezone": timezone}
    if args.get("schedule"):
        row["schedule"] = _cron(args["schedule"])
    for name, what in (("startdate", "start date"), ("enddate", "end date")):
        if name in args:
            row[name] = _future(args[name], zone, what)
    return row


def _cron(text: str) -> str:
    parts = text.split()
    if len(parts) != FIELDS:
        raise parameter_error(f'Cron expression must consist of 6 fields (found {len(parts) + 1} in "0 {text}")')
    if not all(re.fullmatch(r"[A-Za-z0-9*/,?#-]+", part) for part in parts):
        raise parameter_error(f'Invalid cron expression "{text}"')
    return text


def _future(text: str, zone: ZoneInfo, what: str) -> str:
    """Return a date as CloudStack shows it; 431 for the past. Without offset it is in the schedule's time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise parameter_error(f"Unable to parse date {text}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if moment < datetime.now(UTC):
        raise invalid(f"Invalid value for {what}. {what.capitalize()} [{text}] can't be before current time.")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


@command("listVMSchedule", id="vmschedule", virtualmachineid="virtualmachine")
def list_schedules(call: Call) -> Answer:
    call.require_use(call.entity("virtualmachine", "virtualmachineid"))
    rows = chosen(call, reversed(call.world.all("vmschedule")), "virtualmachineid", "action", "enabled")
    return page(call, "vmschedule", rows, to_schedule)


@command("updateVMSchedule", id="vmschedule")
def update(call: Call) -> Answer:
    row = call.entity("vmschedule", "id")
    call.require_use(call.world.one("virtualmachine", row["virtualmachineid"]))
    changes = _checked(call, str(call.args.get("timezone", row["timezone"])))
    changes |= {name: call.args[name] for name in ("description", "enabled") if name in call.args}
    return {"vmschedule": to_schedule(call.world, call.world.update("vmschedule", row["id"], **changes))}


@command("deleteVMSchedule", virtualmachineid="virtualmachine", id="vmschedule", ids="vmschedule")
def delete(call: Call) -> Answer:
    """Delete schedules of a machine; CloudStack does not mind those that are gone."""
    for identity in [*call.args.get("ids", []), *(call.args[name] for name in ("id",) if name in call.args)]:
        row = call.world.get("vmschedule", identity)
        if row and row["virtualmachineid"] == call.args["virtualmachineid"]:
            removal.remove(call.world, "vmschedule", identity)
    return {"success": True}


def to_schedule(_world: World, row: Row) -> Answer:
    names = (
        "id",
        "virtualmachineid",
        "description",
        "schedule",
        "timezone",
        "action",
        "enabled",
        "startdate",
        "enddate",
    )
    return {**{name: row[name] for name in names if name in row}, "created": row["created"]}
