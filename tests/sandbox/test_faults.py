"""Fault switches, through the front door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from gstack.sandbox.server import ThreadedSandbox


@pytest.fixture
def switch(server: ThreadedSandbox) -> Iterator[Callable[..., requests.Response]]:
    url = server.url.replace("/client/api", "/faults")
    yield lambda **fault: requests.post(url, json=fault, timeout=10)
    requests.delete(url, timeout=10)


def test_error_is_answered_once(demo: Any, switch: Callable[..., Any]) -> None:
    """An `error` rule with count 1 hits one call and is gone."""
    switch(command="listzones", kind="error", count=1, status=502)
    with pytest.raises(requests.JSONDecodeError):
        demo.call("listZones")
    assert demo.call("listZones")[0] == 200


def test_dropped_call_does_nothing(demo: Any, switch: Callable[..., Any]) -> None:
    """A `drop` rule breaks the connection before the command is done."""
    switch(command="createSSHKeyPair", kind="drop", count=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        demo.call("createSSHKeyPair", name="dropped")
    assert demo.ok("listSSHKeyPairs", name="dropped") == {}


def test_lost_answer_is_done(demo: Any, switch: Callable[..., Any]) -> None:
    """A `lost` rule breaks the connection after the command is done."""
    switch(command="create*", kind="lost", count=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        demo.call("createSSHKeyPair", name="lost")
    assert demo.ok("listSSHKeyPairs", name="lost")["count"] == 1


def test_slow_call(demo: Any, switch: Callable[..., Any]) -> None:
    """A `slow` rule delays the answer."""
    switch(command="listZones", kind="slow", count=1, seconds=0.3)
    begin = time.monotonic()
    demo.ok("listZones")
    assert time.monotonic() - begin >= 0.3


def test_failed_job_puts_the_machine_back(demo: Any, seeds: Any, switch: Callable[..., Any]) -> None:
    """A `job_failed` rule ends the job with its code, and the machine is as it was."""
    machine = seeds.machine(demo, "unstoppable")
    switch(command="stopVirtualMachine", kind="job_failed", count=1, errorcode=533, errortext="no room")
    assert demo.failure("stopVirtualMachine", id=machine["id"]) == (533, "no room")
    assert demo.ok("listVirtualMachines", id=machine["id"])["virtualmachine"][0]["state"] == "Running"


def test_a_rule_of_no_kind_is_refused(switch: Callable[..., Any]) -> None:
    """A rule that is misspelt is 400, not ignored."""
    assert switch(command="*", kind="sloow").status_code == 400


def test_deployment_that_a_restart_cuts_off(demo: Any, seeds: Any, switch: Callable[..., Any]) -> None:
    """The job ends as failed without a result, names the machine, and leaves it Stopped with an Allocated root."""
    switch(command="deployVirtualMachine", kind="cut_off", count=1)
    sent = {"zoneid": seeds.basic, "serviceofferingid": seeds.offerings["Small Instance"], "name": "cut-off"}
    _, body = demo.call("deployVirtualMachine", templateid=seeds.templates["debian-12-v20260101"], **sent)
    job = demo.job(body["jobid"])
    assert (job["jobstatus"], job["jobresultcode"], job["jobinstanceid"]) == (2, 530, body["id"])
    assert "jobresult" not in job
    assert demo.ok("listVirtualMachines", id=body["id"])["virtualmachine"][0]["state"] == "Stopped"
    assert demo.ok("listVolumes", virtualmachineid=body["id"])["volume"][0]["state"] == "Allocated"
    assert demo.ok("startVirtualMachine", id=body["id"])["virtualmachine"]["state"] == "Running"
