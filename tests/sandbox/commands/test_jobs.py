"""queryAsyncJobResult and listAsyncJobs."""

from __future__ import annotations

from typing import Any


def test_job_tells_whose_and_what_it_is(demo: Any, seeds: Any) -> None:
    """A finished job names its account, its command's class, its instance and when it was completed."""
    machine = seeds.machine(demo, "told")
    _, body = demo.call("stopVirtualMachine", id=machine["id"])
    job = demo.job(body["jobid"])
    assert (job["account"], job["jobinstancetype"], job["jobinstanceid"]) == ("demo", "VirtualMachine", machine["id"])
    assert job["cmd"].endswith("StopVMCmd")
    assert "completed" in job


def test_pending_jobs_are_listed(demo: Any, seeds: Any) -> None:
    """ListAsyncJobs shows the caller's pending jobs and no finished ones."""
    machine = seeds.machine(demo, "listed")
    _, body = demo.call("stopVirtualMachine", id=machine["id"])
    pending = demo.ok("listAsyncJobs").get("asyncjobs", [])
    demo.job(body["jobid"])
    assert [job["jobstatus"] for job in pending] == [0] * len(pending)
    assert demo.ok("listAsyncJobs") == {}


def test_foreign_job(demo: Any, other: Any, seeds: Any) -> None:
    """Another account's job is 531, an unknown one 431."""
    machine = seeds.machine(demo, "private")
    _, body = demo.call("stopVirtualMachine", id=machine["id"])
    assert other.call("queryAsyncJobResult", jobid=body["jobid"])[0] == 531
    assert other.call("queryAsyncJobResult", jobid="00000000-0000-0000-0000-000000000000")[0] == 431


def test_a_job_must_be_named(demo: Any) -> None:
    """A query without a job is 431, and so is one for a job that does not exist."""
    assert demo.failure("queryAsyncJobResult")[0] == 431
    assert demo.failure("queryAsyncJobResult", jobid="11111111-2222-4333-8444-555555555555")[0] == 431


def test_jobs_of_projects_are_the_callers(demo: Any, seeds: Any) -> None:
    """One list tells of all pending jobs of a user, its projects' too; with a project it tells of that one's."""
    project = demo.ok("createProject", name="jobs", displaytext="d")["project"]["id"]
    given = {"zoneid": seeds.basic, "serviceofferingid": seeds.offerings["Small Instance"], "projectid": project}
    template = seeds.templates["debian-12-v20260101"]
    _, body = demo.call("deployVirtualMachine", templateid=template, name="in-project", **given)
    everything = {row["jobid"] for row in demo.ok("listAsyncJobs")["asyncjobs"]}
    assert body["jobid"] in everything
    assert [row["jobid"] for row in demo.ok("listAsyncJobs", projectid=project)["asyncjobs"]] == [body["jobid"]]
    demo.job(body["jobid"])
    assert demo.ok("listAsyncJobs", projectid=project) == {}
