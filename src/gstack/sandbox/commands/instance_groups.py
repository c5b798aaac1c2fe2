"""Instance groups: labels for machines, without any other effect."""

from __future__ import annotations

from gstack.sandbox import removal, views
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World, now


@command("createInstanceGroup")
def create_group(call: Call) -> Answer:
    if call.world.first("instancegroup", name=call.args["name"], accountid=call.owner["id"]):
        raise invalid(f"Unable to create vm group, a group with name {call.args['name']} already exists for account")
    return {"instancegroup": to_group(call.world, named(call.world, call.args["name"], call.owner["id"]))}


def named(world: World, name: str, account_id: str) -> Row:
    """Return the group of this name; create it if the account lacks it."""
    row = world.first("instancegroup", name=name, accountid=account_id)
    return row or world.put("instancegroup", {"name": name, "accountid": account_id, "created": now()})


@command("listInstanceGroups", id="instancegroup")
def list_groups(call: Call) -> Answer:
    return page(call, "instancegroup", chosen(call, call.own_rows("instancegroup"), "name"), to_group)


@command("updateInstanceGroup", id="instancegroup")
def update_group(call: Call) -> Answer:
    given = {"name": call.args["name"]} if call.args.get("name") else {}
    return {"instancegroup": to_group(call.world, call.world.update("instancegroup", call.args["id"], **given))}


@command("deleteInstanceGroup", id="instancegroup")
def delete_group(call: Call) -> Answer:
    for machine in call.world.find("virtualmachine", groupid=call.args["id"]):
        call.world.update("virtualmachine", machine["id"], groupid=None)
    removal.remove(call.world, "instancegroup", call.args["id"])
    return {"success": True}


def to_group(world: World, row: Row) -> Answer:
    shown = {"id": row["id"], "name": row["name"], "created": row["created"]}
    return {**shown, **views.owner(world, row), "hasannotations": False}
