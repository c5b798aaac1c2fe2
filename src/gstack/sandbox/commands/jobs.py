"""queryAsyncJobResult and listAsyncJobs."""

from __future__ import annotations

from gstack.sandbox import views
from gstack.sandbox.errors import denied, invalid
from gstack.sandbox.jobs import PENDING, class_name
from gstack.sandbox.listing import page
from gstack.sandbox.registry import Answer, Call, command
from gstack.sandbox.world import Row, World


@command("queryAsyncJobResult")
def query_job(call: Call) -> Answer:
    row = call.optional("job", "jobid")
    if row is None:
        raise invalid("Either jobid or both resourcetype and resourceid must be specified")
    if row["accountid"] not in call.accounts():
        raise denied()
    return to_job(call.world, row)


@command("listAsyncJobs")
def list_jobs(call: Call) -> Answer:
    """Return the pending jobs of the caller, those in projects included, or only those of one project."""
    since = call.args.get("startdate", "")
    rows = [
        row
        for row in call.world.find("job", accountid=call.account["id"], jobstatus=PENDING)
        if row["created"] >= since and (call.owner is call.account or row["ownerid"] == call.owner["id"])
    ]
    return page(call, "asyncjobs", rows, to_job)


def to_job(world: World, row: Row) -> Answer:
    account = world.one("account", row["accountid"])
    domain = views.domain(world, account)
    shown: Answer = {
        "accountid": account["id"],
        "account": account["name"],
        "domainid": domain["domainid"],
        "domainpath": domain["domainpath"],
        "userid": row["userid"],
        "cmd": class_name(row["name"]),
        "jobprocstatus": 0,
        "jobresultcode": row["jobresultcode"],
    }
    if "jobresult" in row:
        shown |= {"jobresulttype": "object", "jobresult": row["jobresult"]}
    if "instancetype" in row:
        shown["jobinstancetype"] = row["instancetype"]
    if world.kind_of(row.get("instanceid", "")):
        shown["jobinstanceid"] = row["instanceid"]
    if row["jobstatus"] == PENDING:
        shown |= {"managementserverid": row["id"], "managementservername": "localhost"}
    shown["created"] = row["created"]
    if row["jobstatus"] != PENDING:
        shown["completed"] = row["completed"]
    return {**shown, "jobid": row["id"], "jobstatus": row["jobstatus"]}
