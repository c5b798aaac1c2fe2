"""Parts of answers that many objects share: the owner, the zone, the tags."""

from __future__ import annotations

from gstack.sandbox.registry import Answer
from gstack.sandbox.world import Row, World


def owner(world: World, row: Row) -> Answer:
    """Return `account` (or `project` and `projectid`) and the domain of an owned object."""
    account = world.one("account", row["accountid"])
    return {**account_or_project(world, account), **domain(world, account)}


def account_or_project(world: World, account: Row) -> Answer:
    project = world.get("project", account.get("projectid"))
    if project is None:
        return {"account": account["name"]}
    return {"projectid": project["id"], "project": project["name"]}


def domain(world: World, account: Row) -> Answer:
    row = world.one("domain", account["domainid"])
    return {"domainid": row["id"], "domain": row["name"], "domainpath": row["path"]}


def zone(world: World, row: Row) -> Answer:
    return {"zoneid": row["zoneid"], "zonename": world.one("zone", row["zoneid"])["name"]}


def vpc(world: World, row: Row) -> Answer:
    """Return the VPC of a network or an address, or nothing."""
    found = world.get("vpc", row.get("vpcid"))
    return {"vpcid": found["id"], "vpcname": found["name"]} if found else {}


def tags(world: World, identity: str) -> list[Answer]:
    """Return the tags of an object as its answer nests them: without `domainpath`."""
    rows = world.find("tag", resourceid=identity)
    return [{name: value for name, value in tag(world, row).items() if name != "domainpath"} for row in rows]


def short_tags(world: World, identity: str) -> list[Answer]:
    """Return only keys and values of tags, as addresses, networks, VPCs, routes and rules show them."""
    return [{"key": row["key"], "value": row["value"]} for row in world.find("tag", resourceid=identity)]


def tag(world: World, row: Row) -> Answer:
    shown = {field: row[field] for field in ("key", "value", "resourcetype", "resourceid")}
    return {**shown, **owner(world, row)}
