"""Events: what was done for an account, newest first."""

from __future__ import annotations

from gstack.sandbox import views
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World


@command("listEvents", id="event")
def list_events(call: Call) -> Answer:
    args = call.args
    first, last = args.get("startdate", ""), args.get("enddate", "9")
    rows = [
        row
        for row in chosen(
            call, reversed(call.own_rows("event")), "type", "level", "state", "resourcetype", "resourceid"
        )
        if first <= row["created"].replace("T", " ") and row["created"][: len(last)] <= last
    ]
    return page(call, "event", rows, to_event)


def to_event(world: World, row: Row) -> Answer:
    names = ("resourceid", "resourcetype", "resourcename")
    shown: Answer = {field: row[field] for field in ("id", "username", "type", "level", "description")}
    shown |= views.owner(world, row)
    shown |= {field: row[field] for field in names if field in row}
    shown |= {"created": row["created"], "state": row["state"]}
    return shown | ({"parentid": row["parentid"]} if "parentid" in row else {})
