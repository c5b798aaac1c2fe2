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
