"""Asynchronous jobs that take time, outlive a restart, and run one at a time for each machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gstack.sandbox import events
from gstack.sandbox.errors import CloudStackError
from gstack.sandbox.faults import Fault
from gstack.sandbox.registry import BEGINS, FAILURES, WORKS, Answer, Call, Job
from gstack.sandbox.settings import DEFAULT_DELAYS, OTHER_DELAY, SandboxSettings
from gstack.sandbox.world import Row, World, new_id, now

PENDING, SUCCEEDED, FAILED = 0, 1, 2
EXPIRY = timedelta(days=1)  # CloudStack's job.expire.minutes
CLASSES = {  # CloudStack's Java classes, where they are not named after the command
    "associateIpAddress": "user.address.AssociateIPAddrCmd",
    "disassociateIpAddress": "user.address.DisassociateIPAddrCmd",
    "deployVirtualMachine": "user.vm.DeployVMCmd",
    "destroyVirtualMachine": "user.vm.DestroyVMCmd",
    "startVirtualMachine": "user.vm.StartVMCmd",
    "stopVirtualMachine": "user.vm.StopVMCmd",
    "rebootVirtualMachine": "user.vm.RebootVMCmd",
    "registerUserKeys": "admin.user.RegisterUserKeysCmd",
}

JOB_NAMED = ("virtualmachine", "volume")
# Commands whose results do not name the job, as recorded.
JOB_UNNAMED = frozenset(
    {
        *("changeOfferingForVolume", "removeNicFromVirtualMachine", "updateDefaultNicForVirtualMachine"),
        *("updateVMAffinityGroup", "updateVmNicIp"),
    }
)
_log = logging.getLogger("gstack.sandbox")


class Jobs:
    """Runs jobs in this event loop. `fault_of` is asked once a job for a fault to end it with."""

    def __init__(self, world: World, settings: SandboxSettings) -> None:
        self._world = world
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._queues: dict[str, asyncio.Lock] = {}
        self.fault_of: Callable[[str], Fault | None] = lambda _name: None

    def submit(self, call: Call, job: Job) -> Answer:
        """Store a job, start it, and return what the command answers."""
        row = self._world.put("job", _row(call, job, self._delay(call.name)))
        events.note(self._world, call, "Scheduled", _instance(row))
        self._start(row["id"])
        return {**job.answer, "jobid": row["id"]}

    def resume(self) -> None:
        """Go on with the jobs that were pending when the sandbox ended; forget those done long ago."""
        oldest = (datetime.now(UTC) - EXPIRY).strftime("%Y-%m-%dT%H:%M:%S+0000")
        with self._world.transaction():
            for row in self._world.all("job"):
                if row.get("completed", "9") < oldest:
                    self._world.delete("job", row["id"])
        for row in self._world.find("job", jobstatus=PENDING):
            self._start(row["id"])

    async def stop(self) -> None:
        """Stop without ending the jobs: they go on at the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _delay(self, name: str) -> float:
        return DEFAULT_DELAYS.get(name, OTHER_DELAY) * self._settings.job_delay

    def _start(self, job_id: str) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, job_id: str) -> None:
        queue = self._world.one("job", job_id).get("queue")
        if queue is None:
            await self._do(job_id)
            return
        async with self._queues.setdefault(queue, asyncio.Lock()):
            await self._do(job_id)

    async def _do(self, job_id: str) -> None:
        row = self._world.one("job", job_id)
        call = self._call(row)
        begin = BEGINS.get(row["name"])
        try:
            if begin and not row.get("begun"):
                with self._world.transaction():
                    begin(call)
                    self._world.update("job", job_id, begun=True)
            await asyncio.sleep(row["delay"])
            self._finish(call, job_id)
        except CloudStackError as error:
            self._fail(call, job_id, error.code, error.text)
        except Exception as error:  # noqa: BLE001  # a job ends in any case
            _log.exception("job %s (%s) failed unexpectedly", job_id, row["name"])
            self._fail(call, job_id, 530, str(error))

    def _finish(self, call: Call, job_id: str) -> None:
        fault = self.fault_of(call.name)
        if fault and fault.kind == "cut_off":
            self._cut_off(call, job_id)
            return
        if fault:
            raise CloudStackError(fault.errorcode, fault.errortext)
        with self._world.transaction():
            answer = WORKS[call.name](call)
            self._end(job_id, SUCCEEDED, 0, _with_job(call.name, answer, job_id))
            events.note(self._world, call, "Completed", _instance(self._world.one("job", job_id)))

    def _fail(self, call: Call, job_id: str, code: int, text: str) -> None:
        with self._world.transaction():
            put_right = FAILURES.get(call.name)
            begun = call.name not in BEGINS or self._world.one("job", job_id).get("begun")
            if put_right and begun:
                put_right(call)
            self._end(job_id, FAILED, code, {"errorcode": code, "errortext": text})
            events.note(self._world, call, "Completed", _instance(self._world.one("job", job_id)), failed=True)

    def _cut_off(self, call: Call, job_id: str) -> None:
        """End a job as a restart of CloudStack does: failed, without a result, and what it had begun stays."""
        with self._world.transaction():
            machine = self._world.get("virtualmachine", call.facts.get("id"))
            if call.name == "deployVirtualMachine" and machine:
                self._world.update("virtualmachine", machine["id"], state="Stopped", lastupdated=now())
            self._end(job_id, FAILED, 530, None)

    def _end(self, job_id: str, status: int, code: int, result: Answer | None) -> None:
        self._world.update("job", job_id, jobstatus=status, jobresultcode=code, jobresult=result, completed=now())

    def _call(self, row: Row) -> Call:
        world = self._world
        return Call(
            world,
            self._settings,
            row["name"],
            row["args"],
            world.one("account", row["accountid"]),
            world.one("user", row["userid"]),
            world.one("account", row["ownerid"]),
            row["facts"],
        )


def _instance(row: Row) -> tuple[str, str] | None:
    return (row["instancetype"], row["instanceid"]) if "instanceid" in row else None


def _row(call: Call, job: Job, delay: float) -> Row:
    row: dict[str, Any] = {
        "id": new_id(),
        "name": call.name,
        "args": call.args,
        "accountid": call.account["id"],
        "userid": call.user["id"],
        "ownerid": call.owner["id"],
        "facts": job.facts,
        "delay": delay,
        "queue": job.queue,
        "instancetype": job.instancetype,
        "instanceid": job.instanceid,
        "created": now(),
        "jobstatus": PENDING,
        "jobresultcode": 0,
    }
    return {field: value for field, value in row.items() if value is not None}


def _with_job(command: str, answer: Answer, job_id: str) -> Answer:
    """Add the job to the objects that name it in CloudStack's answers: machines and volumes."""
    if command in JOB_UNNAMED:
        return answer
    return {
        name: {**value, "jobid": job_id, "jobstatus": PENDING} if name in JOB_NAMED else value
        for name, value in answer.items()
    }


def class_name(command: str) -> str:
    """Return the Java class that CloudStack names in `cmd`."""
    name = CLASSES.get(command, f"user.{command[0].upper()}{command[1:]}Cmd")
    return f"org.apache.cloudstack.api.command.{name}"
