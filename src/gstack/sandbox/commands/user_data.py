"""User data: its checks, and the registered ones."""

from __future__ import annotations

import base64
import binascii

from gstack.sandbox import views
from gstack.sandbox.errors import invalid, runtime
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World

USER_DATA_LIMIT, GET_LIMIT = 32_768, 4_096  # characters of base64, in a form and in a URL


def checked_user_data(call: Call) -> str:
    """Return the user data of a call; raise 431 if it is not base64 or too long."""
    text: str = call.args["userdata"]
    if call.method == "GET" and len(text) > GET_LIMIT:
        raise invalid("User data is too long for an http GET request")
    if len(text) > USER_DATA_LIMIT:
        raise invalid(f"User data has exceeded the maximum length of {USER_DATA_LIMIT} characters")
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid("User data is not base64 encoded") from None
    return text


@command("registerUserData")
def register_user_data(call: Call) -> Answer:
    name, text = call.args["name"], checked_user_data(call)
    if call.world.first("userdata", name=name, accountid=call.owner["id"]):
        raise invalid(f"A userdata with name {name} already exists for this account.")
    row = call.world.put("userdata", {"name": name, "userdata": text, "accountid": call.owner["id"]})
    return {"userdata": to_user_data(call.world, row)}


@command("listUserData", id="userdata")
def list_user_data(call: Call) -> Answer:
    return page(call, "userdata", chosen(call, call.own_rows("userdata"), "name"), to_user_data)


@command("deleteUserData", id="userdata")
def delete_user_data(call: Call) -> Answer:
    if call.world.find("virtualmachine", userdataid=call.args["id"]):
        raise runtime("Userdata cannot be removed as some of the resources are using it")
    call.world.delete("userdata", call.args["id"])
    return {"success": True}


def to_user_data(world: World, row: Row) -> Answer:
    shown = {"id": row["id"], "name": row["name"], **views.owner(world, row)}
    return {**shown, "userdata": row["userdata"], "hasannotations": False}
