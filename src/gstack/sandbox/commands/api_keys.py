"""API key pairs of a user: several with names, as CloudStack 4.23 has them, or one, as before it."""

from __future__ import annotations

import secrets

from gstack.sandbox import catalog, versions, views
from gstack.sandbox.errors import denied
from gstack.sandbox.listing import page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World, now


@command("getUserKeys", id="user")
def get_user_keys(call: Call) -> Answer:
    pairs = _pairs(call, call.args["id"])
    pair = pairs[0] if pairs else {"apikey": None, "secretkey": None}
    return {"userkeys": {field: pair[field] for field in ("apikey", "secretkey") if pair[field]}}


@command("listUserKeys")
def list_user_keys(call: Call) -> Answer:
    rows = _pairs(call, str(call.args.get("userid", call.user["id"])))
    wanted = call.args.get("apikeyfilter")
    return page(call, "userapikey", [row for row in rows if wanted in (None, row["apikey"])], to_user_key)


def _pairs(call: Call, userid: str) -> list[Row]:
    if call.world.one("user", userid)["accountid"] != call.account["id"]:
        raise denied()
    return call.world.find("userkey", userid=userid)


@command("registerUserKeys", id="user")
def register_user_keys(call: Call) -> Job | Answer:
    if versions.has(call.settings.cloudstack_version, "4.23"):
        return Job("User", call.args["id"])
    for old in call.world.find("userkey", userid=call.args["id"]):
        call.world.delete("userkey", old["id"])
    pair = call.world.put("userkey", _new(call))
    return {"userkeys": {"apikey": pair["apikey"], "secretkey": pair["secretkey"]}}


@work("registerUserKeys")
def registered_user_keys(call: Call) -> Answer:
    row = _new(call)
    if "description" in call.args:
        row["description"] = call.args["description"]
    if "enddate" in call.args:
        row["enddate"] = f"{call.args['enddate'][:10]}T23:59:59+0000"
    return {"userkeys": to_user_key(call.world, call.world.put("userkey", row))}


def _new(call: Call) -> Row:
    return {
        "name": call.args.get("name", f"{call.world.next_number('userkey')} - API key pair"),
        "apikey": secrets.token_urlsafe(64),
        "secretkey": secrets.token_urlsafe(64),
        "userid": call.args["id"],
        "accountid": call.account["id"],
        "created": now(),
    }


@command("deleteUserKeys", keypairid="userkey")
def delete_user_keys(_call: Call) -> Job:
    return Job()


@work("deleteUserKeys")
def deleted_user_keys(call: Call) -> Answer:
    call.world.delete("userkey", call.args["keypairid"])
    return {"success": True}


@command("listUserKeyRules", keypairid="userkey")
def list_user_key_rules(call: Call) -> Answer:
    """Return every command of the role: the sandbox does not restrict key pairs."""
    rules = [
        {"rule": entry.name, "permission": "allow"}
        for entry in catalog.entries(call.settings.cloudstack_version).values()
    ]
    return {"count": len(rules), "keypermission": rules}


def to_user_key(world: World, row: Row) -> Answer:
    account, user = world.one("account", row["accountid"]), world.one("user", row["userid"])
    role = world.all("role")[0]
    shown = {field: row[field] for field in ("name", "apikey", "secretkey", "userid")}
    shown |= {"username": user["username"], "id": row["id"]}
    shown |= {field: row[field] for field in ("description", "enddate") if field in row}
    return {
        **shown,
        "created": row["created"],
        "accounttype": "NORMAL",
        "accountid": account["id"],
        "accountname": account["name"],
        "roleid": role["id"],
        "roletype": "User",
        "rolename": role["name"],
        **views.domain(world, account),
        "state": "ENABLED",
    }
