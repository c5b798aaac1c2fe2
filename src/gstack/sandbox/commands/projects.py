"""Projects: owners of their own, with the caller's account as a member."""

from __future__ import annotations

from gstack.sandbox import limits, views
from gstack.sandbox.errors import denied, invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.seed import add_default_group
from gstack.sandbox.world import Row, World, new_id, now

ADMIN = "Admin"


@command("listProjects", id="project")
def list_projects(call: Call) -> Answer:
    members = call.world.find("projectmember", memberid=call.account["id"])
    rows = [call.world.one("project", member["projectid"]) for member in members]
    return page(call, "project", chosen(call, rows, "name", "state", "displaytext"), to_project)


@command("createProject")
def create_project(call: Call) -> Job:
    name = call.args["name"]
    if call.world.first("project", name=name):
        raise invalid(f"Project with name {name} already exists in domain id=1")
    limits.require(call.world, call.account, project=1)
    project = _new_project(call, name)
    return Job("None", answer={"id": project["id"]}, facts={"projectid": project["id"]})


def _new_project(call: Call, name: str) -> Row:
    world, identity = call.world, new_id()
    number = world.next_number("project")
    account = world.put(
        "account",
        {
            "id": new_id(),
            "name": f"PrjAcct-{name}-{number}",
            "domainid": call.account["domainid"],
            "projectid": identity,
            "created": now(),
        },
    )
    add_default_group(world, account)
    world.put("projectmember", {"projectid": identity, "memberid": call.account["id"], "role": ADMIN})
    text = call.args.get("displaytext", name)
    row = {"id": identity, "name": name, "displaytext": text, "accountid": account["id"], "created": now()}
    return world.put("project", {**row, "state": "Active"})


@work("createProject")
def created_project(call: Call) -> Answer:
    return {"project": to_project(call.world, call.world.one("project", call.facts["projectid"]))}


@command("updateProject", id="project")
def update_project(call: Call) -> Job:
    _require_admin(call)
    return Job("Project", call.args["id"])


@work("updateProject")
def updated_project(call: Call) -> Answer:
    changes = {field: call.args[field] for field in ("name", "displaytext") if field in call.args}
    return {"project": to_project(call.world, call.world.update("project", call.args["id"], **changes))}


@command("deleteProject", id="project")
def delete_project(call: Call) -> Job:
    _require_admin(call)
    return Job("Project", call.args["id"])


@work("deleteProject")
def deleted_project(call: Call) -> Answer:
    world, project = call.world, call.world.one("project", call.args["id"])
    kinds = ("virtualmachine", "volume", "network", "vpc", "publicip", "snapshot")
    if any(world.find(kind, accountid=project["accountid"]) for kind in kinds):
        raise invalid(f"Can't delete project id={project['id']}: it still has resources. Delete them first.")
    for member in world.find("projectmember", projectid=project["id"]):
        world.delete("projectmember", member["id"])
    for group in world.find("securitygroup", accountid=project["accountid"]):
        world.delete("securitygroup", group["id"])
    world.delete("project", project["id"])
    return {"success": True}


@command("addAccountToProject", projectid="project")
def add_account(call: Call) -> Job:
    _require_admin(call, "projectid")
    return Job()


@work("addAccountToProject")
def added_account(call: Call) -> Answer:
    world, projectid = call.world, call.args["projectid"]
    account = world.first("account", name=call.args.get("account"))
    if account is None or "projectid" in account:
        raise invalid(f"Unable to find account name={call.args.get('account')} in domain id=1")
    if world.first("projectmember", projectid=projectid, memberid=account["id"]) is None:
        role = call.args.get("roletype", "Regular").capitalize()
        world.put("projectmember", {"projectid": projectid, "memberid": account["id"], "role": role})
    return {"success": True}


@command("deleteAccountFromProject", projectid="project")
def remove_account(call: Call) -> Job:
    _require_admin(call, "projectid")
    return Job()


@work("deleteAccountFromProject")
def removed_account(call: Call) -> Answer:
    world = call.world
    account = world.first("account", name=call.args["account"])
    member = account and world.first("projectmember", projectid=call.args["projectid"], memberid=account["id"])
    if not member:
        raise invalid(f"Account name={call.args['account']} doesn't belong to the project")
    world.delete("projectmember", member["id"])
    return {"success": True}


@command("listProjectAccounts", projectid="project")
def list_project_accounts(call: Call) -> Answer:
    rows = call.world.find("projectmember", projectid=call.args["projectid"])
    return page(call, "projectaccount", rows, _member)


def _member(world: World, row: Row) -> Answer:
    project, account = world.one("project", row["projectid"]), world.one("account", row["memberid"])
    return {
        "projectid": project["id"],
        "project": project["name"],
        "accountid": account["id"],
        "account": account["name"],
        "accounttype": 0,
        "role": row["role"],
        **views.domain(world, account),
    }


def _require_admin(call: Call, parameter: str = "id") -> None:
    found = call.world.first("projectmember", projectid=call.args[parameter], memberid=call.account["id"], role=ADMIN)
    if found is None:
        raise denied()


def to_project(world: World, row: Row) -> Answer:
    account = world.one("account", row["accountid"])
    domain = views.domain(world, account)
    owners = world.find("projectmember", projectid=row["id"], role=ADMIN)
    return {
        "id": row["id"],
        "name": row["name"],
        "displaytext": row["displaytext"],
        "domainid": domain["domainid"],
        "domain": domain["domain"],
        "owner": [{"account": world.one("account", owner["memberid"])["name"]} for owner in owners],
        "projectaccountname": account["name"],
        "state": row["state"],
        "tags": views.tags(world, row["id"]),
        **limits.totals(world, account, project=True),
        "created": row["created"],
    }
