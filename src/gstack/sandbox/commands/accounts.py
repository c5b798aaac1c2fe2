"""Accounts, users and resource limits."""

from __future__ import annotations

from gstack.sandbox import limits, views
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World


@command("listAccounts", id="account")
def list_accounts(call: Call) -> Answer:
    """Return the caller's own account: an ordinary user sees no other."""
    return page(call, "account", chosen(call, [call.account], "name"), to_account)


@command("listUsers", id="user")
def list_users(call: Call) -> Answer:
    rows = chosen(call, call.world.find("user", accountid=call.account["id"]), "username")
    return page(call, "user", rows, to_user)


@command("listResourceLimits")
def list_resource_limits(call: Call) -> Answer:
    wanted = call.args.get("resourcetype")
    rows = [
        {"number": number, "name": limit.name, "max": limits.maximum(limit, call.owner)}
        for number, limit in enumerate(limits.LIMITS)
        if wanted is None or wanted == number
    ]
    owner = {
        **views.account_or_project(call.world, call.owner),
        **views.domain(call.world, call.owner),
    }
    return page(call, "resourcelimit", rows, lambda _world, row: {**owner, **_limit(row)})


def _limit(row: Row) -> Answer:
    return {"resourcetype": str(row["number"]), "resourcetypename": row["name"], "max": row["max"]}


def to_account(world: World, row: Row) -> Answer:
    return {
        "id": row["id"],
        "name": row["name"],
        "accounttype": 0,
        **_role(world),
        **views.domain(world, row),
        **limits.totals(world, row),
        **_traffic(world, row),
        "state": "enabled",
        "created": row["created"],
        "user": [to_user(world, user) for user in world.find("user", accountid=row["id"])],
        "isdefault": False,
        "groups": [],
    }


def _traffic(world: World, row: Row) -> Answer:
    """Return the traffic of an account's virtual routers; an account without a network of its own has none."""
    return {"receivedbytes": 0, "sentbytes": 0} if world.find("network", accountid=row["id"]) else {}


def to_user(world: World, row: Row) -> Answer:
    account = world.one("account", row["accountid"])
    domain = views.domain(world, account)
    shown: Answer = {field: row[field] for field in ("id", "username", "firstname", "lastname", "email", "created")}
    shown |= {"state": "enabled", "account": account["name"], "accounttype": 0, "usersource": "native"}
    shown |= {**_role(world), "domainid": domain["domainid"], "domain": domain["domain"]}
    pair = world.first("userkey", userid=row["id"])
    if pair:
        shown["apikey"] = pair["apikey"]
    shown |= {"accountid": account["id"], "iscallerchilddomain": False, "isdefault": False}
    return {**shown, "is2faenabled": False, "is2famandated": False}


def _role(world: World) -> Answer:
    role = world.all("role")[0]
    return {"roleid": role["id"], "roletype": "User", "rolename": role["name"]}
