"""Resource tags. Keys ignore case, an existing key fails the whole job, long values are cut in silence."""

from __future__ import annotations

from collections.abc import Mapping

from gstack.sandbox import views
from gstack.sandbox.errors import CloudStackError, denied, invalid, runtime
from gstack.sandbox.listing import page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row

LENGTH = 255  # of a key and of a value: CloudStack's columns
KINDS = {  # CloudStack's resource types that take tags, and the kinds of rows here
    "UserVm": "virtualmachine",
    "Template": "template",
    "ISO": "iso",
    "Volume": "volume",
    "Snapshot": "snapshot",
    "Network": "network",
    "LoadBalancer": "loadbalancer",
    "PortForwardingRule": "portforwardingrule",
    "FirewallRule": "firewallrule",
    "SecurityGroup": "securitygroup",
    "SecurityGroupRule": "securitygrouprule",
    "PublicIpAddress": "publicip",
    "Project": "project",
    "Account": "account",
    "Vpc": "vpc",
    "NetworkACL": "networkacl",
    "NetworkACLList": "networkacllist",
    "StaticRoute": "staticroute",
    "User": "user",
}
_BY_NAME = {name.lower(): name for name in KINDS}


@command("createTags")
def create_tags(_call: Call) -> Job:
    return Job()


@work("createTags")
def created_tags(call: Call) -> Answer:
    name, rows = _resources(call)
    for tag in call.args["tags"]:
        if not tag.get("key") or not tag.get("value"):
            raise invalid("Neither key nor value can be null or empty")  # the whole job fails
        for row in rows:
            _add(call, name, row, tag["key"][:LENGTH], tag["value"][:LENGTH])
    return {"success": True}


def _add(call: Call, name: str, row: Row, key: str, value: str) -> None:
    for tag in call.world.find("tag", resourceid=row["id"]):
        if tag["key"].lower() == key.lower():
            raise runtime(f"tag {key} already on {name} with id {row['id']}")
    owner = row.get("accountid", call.account["id"])
    call.world.put(
        "tag", {"key": key, "value": value, "resourcetype": name, "resourceid": row["id"], "accountid": owner}
    )


@command("deleteTags")
def delete_tags(_call: Call) -> Job:
    return Job()


@work("deleteTags")
def deleted_tags(call: Call) -> Answer:
    _, rows = _resources(call)
    wanted = call.args.get("tags", [])
    found = [
        tag
        for row in rows
        for tag in call.world.find("tag", resourceid=row["id"])
        if not wanted or any(_same(tag, other) for other in wanted)
    ]
    if not found:
        raise runtime("Failed to delete tags")
    for tag in found:
        call.world.delete("tag", tag["id"])
    return {"success": True}


def _same(tag: Row, wanted: Mapping[str, str | None]) -> bool:
    if tag["key"].lower() != (wanted.get("key") or "").lower():
        return False
    value = wanted.get("value")
    return not value or value.lower() == tag["value"].lower()


def _resources(call: Call) -> tuple[str, list[Row]]:
    name = _BY_NAME.get(call.args["resourcetype"].lower())
    if name is None:
        raise CloudStackError(431, f"Invalid resource type {call.args['resourcetype']}", 4350)
    return name, [_resource(call, name, identity) for identity in call.args["resourceids"]]


def _resource(call: Call, name: str, identity: str) -> Row:
    row = call.world.get(KINDS[name], identity)
    if row is None:
        raise invalid(f"Unable to find resource by id {identity} and type {name}")
    if not call.may_use(row):
        raise denied()
    return row


@command("listTags")
def list_tags(call: Call) -> Answer:
    args = call.args
    kind = _BY_NAME.get(args.get("resourcetype", "").lower())
    rows = [
        row
        for row in call.own_rows("tag")
        if args.get("resourceid", row["resourceid"]) == row["resourceid"]
        and ("resourcetype" not in args or row["resourcetype"] == kind)
        and _same(row, {"key": args.get("key", row["key"]), "value": args.get("value", "")})
        and args.get("keyword", "").lower() in f"{row['key']}\n{row['value']}".lower()
    ]
    return page(call, "tag", rows, views.tag)
