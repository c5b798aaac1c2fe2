"""Stickiness and health check policies of load balancer rules."""

from __future__ import annotations

from typing import NoReturn

from gstack.sandbox import removal, views
from gstack.sandbox.errors import CloudStackError, invalid
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World, new_id

METHODS = ("LbCookie", "AppCookie", "SourceBased")


@command("createLBStickinessPolicy", lbruleid="loadbalancer")
def create_policy(call: Call) -> Job:
    args = call.args
    if args["methodname"].lower() not in {name.lower() for name in METHODS}:
        raise invalid("Failed to match Stickiness method name for LB rule")
    for old in call.world.find("stickinesspolicy", lbruleid=args["lbruleid"]):
        removal.remove(call.world, "stickinesspolicy", old["id"])  # as recorded, a new policy replaces the old one
    row: Row = {name: args[name] for name in ("lbruleid", "name", "methodname", "description") if name in args}
    params = {key: value for entry in args.get("param", []) for key, value in _pair(entry)}
    owner = call.entity("loadbalancer", "lbruleid")["accountid"]
    row = call.world.put("stickinesspolicy", {"id": new_id(), **row, "params": params, "accountid": owner})
    return Job("None", answer={"id": row["id"]}, facts={"id": row["id"]})


def _pair(entry: dict[str, str]) -> list[tuple[str, str]]:
    """Return `param[0].name=a&param[0].value=b` as a pair."""
    return [(entry["name"], entry.get("value", ""))] if "name" in entry else list(entry.items())


@work("createLBStickinessPolicy")
def created_policy(call: Call) -> Answer:
    row = call.world.one("stickinesspolicy", call.facts["id"])
    return {"stickinesspolicies": _policies(call.world, call.world.one("loadbalancer", row["lbruleid"]))}


@failure("createLBStickinessPolicy")
def not_created(call: Call) -> None:
    call.world.delete("stickinesspolicy", call.facts["id"])


def _policies(world: World, rule: Row) -> Answer:
    rows = world.find("stickinesspolicy", lbruleid=rule["id"])
    return {"lbruleid": rule["id"], **_owner(world, rule), "stickinesspolicy": [_shown(row) for row in rows]}


def _owner(world: World, rule: Row) -> Answer:
    """Return the owner of a rule without `domainpath`, as policies show it."""
    return {name: value for name, value in views.owner(world, rule).items() if name != "domainpath"}


def _shown(row: Row) -> Answer:
    shown: Answer = {name: row[name] for name in ("id", "name", "description", "methodname") if name in row}
    return {**shown, "params": row["params"]}


@command("listLBStickinessPolicies", id="stickinesspolicy", lbruleid="loadbalancer")
def list_policies(call: Call) -> Answer:
    identity = call.args.get("lbruleid") or (call.optional("stickinesspolicy", "id") or {}).get("lbruleid")
    rule = call.world.get("loadbalancer", identity)
    if rule is None:
        raise invalid("load balancer rule id and stickiness policy id cannot be both null")
    return {"count": 1, "stickinesspolicies": [_policies(call.world, call.require_use(rule))]}


@command("updateLBStickinessPolicy", id="stickinesspolicy")
@command("deleteLBStickinessPolicy", id="stickinesspolicy")
def change_policy(_call: Call) -> Job:
    return Job()


@work("updateLBStickinessPolicy")
def updated_policy(call: Call) -> Answer:
    row = call.entity("stickinesspolicy", "id")
    return {"stickinesspolicies": _policies(call.world, call.world.one("loadbalancer", row["lbruleid"]))}


@work("deleteLBStickinessPolicy")
def deleted_policy(call: Call) -> Answer:
    removal.remove(call.world, "stickinesspolicy", call.args["id"])
    return {"success": True}


@command("createLBHealthCheckPolicy", lbruleid="loadbalancer")
@work("createLBHealthCheckPolicy")
def refuse_health_check(call: Call) -> NoReturn:
    """Refuse before a job starts: as recorded, the virtual router cannot check the health of machines."""
    rule = call.entity("loadbalancer", "lbruleid")
    shown = f'{{"name":"{rule["name"]}","purpose":"LoadBalancing","state":"{rule["state"]}","uuid":"{rule["id"]}"}}'
    raise CloudStackError(
        430,
        "Failed to create HealthCheck policy: Validation Failed (HealthCheck Policy is not supported by LB Provider "
        f"for the LB rule:LoadBalancer {shown})",
    )


@command("listLBHealthCheckPolicies", lbruleid="loadbalancer")
def list_health_checks(call: Call) -> Answer:
    rule = call.optional("loadbalancer", "lbruleid")
    if rule is None:
        raise invalid("load balancer rule id and health check policy id cannot be both null")
    call.require_use(rule)
    empty = {"lbruleid": rule["id"], **_owner(call.world, rule), "healthcheckpolicy": []}
    return {"count": 1, "healthcheckpolicies": [empty]}
