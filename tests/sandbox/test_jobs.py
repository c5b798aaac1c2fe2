"""Jobs: they take time, queue by machine, and outlive a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gstack.sandbox.jobs import class_name
from gstack.sandbox.server import running
from gstack.sandbox.settings import AccountKeys, SandboxSettings


def test_pending_job_is_finished_after_a_restart(
    tmp_path: Path, accounts: tuple[AccountKeys, ...], make_client: Any, make_seeds: Any
) -> None:
    """A deployment that was under way when the sandbox ended is done after it starts again."""
    database = str(tmp_path / "sandbox.db")
    with running(SandboxSettings(accounts=accounts, database=database, job_delay=100)) as first:
        client = make_client(first.url)
        seeds = make_seeds(client)
        given = {"zoneid": seeds.basic, "templateid": seeds.templates["debian-12-v20260101"]}
        offering = seeds.offerings["Small Instance"]
        _, body = client.call("deployVirtualMachine", serviceofferingid=offering, name="survivor", **given)
        _wait(lambda: client.ok("listVirtualMachines")["virtualmachine"][0]["state"] == "Starting")
        first.sandbox.world.update("job", body["jobid"], delay=0.05)
    with running(SandboxSettings(accounts=accounts, database=database)) as second:
        client = make_client(second.url)
        assert client.result(body["jobid"])["virtualmachine"]["state"] == "Running"


def _wait(true: Any) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_jobs_of_a_machine_run_one_after_the_other(demo: Any, seeds: Any) -> None:
    """A start that is asked for during a stop waits for it, and succeeds."""
    machine = seeds.machine(demo, "queued")
    jobs = [demo.call(name, id=machine["id"])[1]["jobid"] for name in ("stopVirtualMachine", "startVirtualMachine")]
    assert [demo.job(job)["jobstatus"] for job in jobs] == [1, 1]


def test_class_names() -> None:
    """`cmd` names CloudStack's Java class, also where it is not named after the command."""
    assert class_name("deployVirtualMachine").endswith("user.vm.DeployVMCmd")
