"""Runs the work of one operation. `Run` is the Op that a work function gets.

A step passes through recorded states. Each is on disk before anything else happens, so wherever a process dies, the
next one knows what may have happened:

| state on disk | what may have happened | what the next process does |
| --- | --- | --- |
| none | nothing was sent | sends the command |
| intent | the command arrived, or not | asks the probe for some poll intervals, then sends the command again |
| job | CloudStack works on it, or has finished | waits for the job; if CloudStack forgot it, asks the probe |
| done, failed | the step has ended | returns the same result, or raises the same problem |

`checkpoint` is for crash tests. It is called with `begin` (the row is written), `end` (the work ended, the row is not
DONE yet) and, for each step, with `<step>:<point>`. The points are `intent` (recorded, not yet sent), `sent` (answered,
not yet recorded), `job` (job id recorded), `ended` (job ended, not yet recorded) and `done` (result or failure
recorded). A decision has `made` (made, not yet recorded) and `done`. See operations.crash_switch.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import structlog

from gstack.cloudstack.client import Client, CloudStack, KeyPair, Refusal, Unreachable, job_refusal, result_of
from gstack.db.engine import lost_connection
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.operations.back_off import BackOff, RetryingClient
from gstack.operations.jobs import Jobs
from gstack.operations.lease import Interrupted, Lease
from gstack.operations.model import Operation, Probe, Warned, Work, harmless
from gstack.operations.outcomes import failed, failure_of, job_gone, plain, problem_of, succeeded
from gstack.operations.rows import ENDED, FAILED, INTENT, JOB, Record, Step
from gstack.operations.store import Store

T = TypeVar("T")
Checkpoint = Callable[[str], Awaitable[None]]
SILENT = "The cloud behind this server does not answer. The operation goes on when it does."
_REMOVALS = ("delete", "destroy", "disassociate", "expunge", "release", "remove")
_PROBES = (1, 2, 4, 8)  # pauses between looks for a lost command, in poll intervals: it may still be on its way

_log = structlog.get_logger(__name__)


class Context(msgspec.Struct, frozen=True):
    """What all runs of a process share."""

    store: Store
    cloudstack: CloudStack
    jobs: Jobs
    sidecar: Sidecar
    poll_interval: float  # seconds
    lease_seconds: float
    checkpoint: Checkpoint | None = None


class Run:
    """One operation while this process runs it. Implements model.Op, whose docstrings are the contract.

    `steps` are those that an earlier run recorded.
    """

    def __init__(self, context: Context, record: Record, keys: KeyPair, steps: Mapping[str, Step]) -> None:
        self.operation = record.operation
        self.sidecar = context.sidecar
        self.lease = Lease(context.store, context.lease_seconds)
        self.back_off = BackOff(context.poll_interval, self.lease.pause, self._silent)
        self.cloudstack: Client = RetryingClient(context.cloudstack, keys, record.cloudstack_project, self.back_off)
        self._sender = context.cloudstack.client(keys, record.cloudstack_project)
        self._watcher = context.cloudstack.client(keys)
        self._caller = keys.api_key
        self._context = context
        self._key = record.key
        self._steps = dict(steps)
        self._used: set[str] = set()
        self._unsaved = False  # the operation shows something that its row does not have yet
        self._message: str | None = None  # the status_message for when CloudStack answers again

    # For the journal

    async def perform(self, work: Work) -> None:
        """Do the work to its end and write the operation as DONE.

        Raises Interrupted, and the database's error if it is unreachable: then some process goes on later.
        """
        await self._point("begin")
        outcome = await self._outcome(work)
        await self._point("end")
        if self.lease.interrupted:  # the work may have swallowed it
            raise Interrupted
        message = outcome.status_message if self._message is None else self._message
        outcome = msgspec.structs.replace(outcome, status_message=message)
        await self.lease.write(self._context.store.finish(outcome))
        self.operation = outcome

    async def _outcome(self, work: Work) -> Operation:
        while True:
            self._used.clear()
            try:
                await work.perform(self, plain(self.operation.args))
            except Unreachable:  # from outside a step: begin again, the recorded steps are not repeated
                await self.back_off.wait()
            except Problem as problem:
                _log.info("operation failed", operation=self.operation.name, fault=str(problem), why=problem.internal)
                return failed(self.operation, problem)
            except Exception as error:
                if lost_connection(error) or self.lease.interrupted:
                    raise
                _log.exception("work failed unexpectedly", operation=self.operation.name, work=self.operation.work)
                return failed(self.operation, Problem.internal_error(repr(error)))
            else:
                return succeeded(self.operation)

    # For the work: model.Op

    async def run(self, step: str, command: str, parameters: Mapping[str, object], *, probe: Probe) -> dict[str, Any]:
        """Do one CloudStack command as a recorded step, with its job if it has one; return the object of its result."""
        recorded = self._enter(step)
        if recorded and recorded.state in {ENDED, FAILED}:
            return dict(_outcome_of(recorded))
        current = recorded or await self._intend(step, command)
        try:
            result = await self._result(current, parameters, probe, resumed=recorded is not None)
        except Problem as problem:
            await self._failed(current, problem)
            raise
        return dict(await self._ended(current, result))

    async def decide(self, step: str, make: Callable[[], Awaitable[T]]) -> T:
        """Record a decision, so that a resume decides the same."""
        recorded = self._enter(step)
        if recorded:
            decision: T = _outcome_of(recorded)
            return decision
        current = Step(name=step, state=INTENT, command="", started=datetime.now(UTC))
        try:
            value = await self._answered(make)
            await self._point(f"{step}:made")
            decision = await self._ended(current, value)
        except Problem as problem:
            await self._failed(current, problem)
            raise
        return decision

    async def keep(self, step: str, uuid: str, kind: str, facts: Mapping[str, Any]) -> None:
        """Merge facts into the sidecar row of a CloudStack object."""
        await self.decide(step, lambda: self.sidecar.keep(uuid, self.operation.owner, kind, facts))

    async def forget(self, step: str, *uuids: str) -> None:
        """Drop the sidecar rows of CloudStack objects."""

        async def drop() -> None:
            for uuid in uuids:
                await self.sidecar.drop(uuid)

        await self.decide(step, drop)

    async def progress(self, percent: int, message: str = "") -> None:
        """Show progress; never goes down."""
        percent = max(self.operation.progress, min(percent, 99))
        message = message or self.operation.status_message
        if (percent, message) != (self.operation.progress, self.operation.status_message):
            self._show(progress=percent, status_message=message)

    async def warn(self, code: str, message: str, **data: str) -> None:
        """Add a warning to the operation. Idempotent per message."""
        if not any(warned.message == message for warned in self.operation.warnings):
            self._show(warnings=(*self.operation.warnings, Warned(code, message, data)))

    async def target(self, gce_id: str) -> None:
        """Set the target's GCE id once it is known."""
        if self.operation.target.id != gce_id:
            self._show(target=msgspec.structs.replace(self.operation.target, id=gce_id))

    # A step, from state to state

    def _enter(self, step: str) -> Step | None:
        if step in self._used:
            raise ValueError(f"{self.operation.work} has two steps named {step!r}")
        self._used.add(step)
        return self._steps.get(step)

    async def _intend(self, step: str, command: str) -> Step:
        return await self._record(Step(name=step, state=INTENT, command=command, started=datetime.now(UTC)), "intent")

    async def _result(self, step: Step, parameters: Mapping[str, object], probe: Probe, *, resumed: bool) -> Any:
        if step.job_id is None:
            found = await self._probed(probe, step.started) if resumed else None
            if found is not None:
                return found
            found, answer = await self._delivered(step, parameters, probe, repeated=resumed)
            if found is not None:
                return found
            if "jobid" not in answer:
                return result_of({"jobresult": answer})
            step = msgspec.structs.replace(step, state=JOB, job_id=str(answer["jobid"]))
            await self._record(step, "job")
        return await self._job(step, parameters, probe)

    async def _delivered(
        self, step: Step, parameters: Mapping[str, object], probe: Probe, *, repeated: bool
    ) -> tuple[Mapping[str, Any] | None, dict[str, Any]]:
        """Send the command until it arrived. Return the result that a probe found, or else None and the answer."""
        while True:
            await self.lease.before_send(self.operation)
            try:
                answer = await self._sender.send(step.command, parameters)
            except Unreachable as silence:
                repeated = repeated or silence.sent
                await self.back_off.wait()
                found = await self._probed(probe, datetime.now(UTC)) if silence.sent else None
                if found is not None:
                    return found, {}
            except Refusal as refusal:
                if repeated and refusal.missing and step.command.startswith(_REMOVALS):
                    return {"success": True}, {}  # the first one arrived: the object is gone
                raise
            else:
                await self._point(f"{step.name}:sent")
                await self.back_off.reset()
                return None, answer

    async def _probed(self, probe: Probe, sent: datetime) -> Mapping[str, Any] | None:
        """Look whether a command arrived, until it must have had its effect. None: it did not, so send it again."""
        if probe is harmless:
            return None
        unit = self._context.poll_interval
        for pause in _PROBES:
            found = await self._answered(lambda: probe(self))
            if found is not None or (datetime.now(UTC) - sent).total_seconds() > sum(_PROBES) * unit:
                return found
            await self.lease.pause(pause * unit)
        return await self._answered(lambda: probe(self))

    async def _answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Call `ask` until CloudStack answers."""
        while True:
            try:
                return await ask()
            except Unreachable:
                await self.back_off.wait()

    async def _job(self, step: Step, parameters: Mapping[str, object], probe: Probe) -> Any:
        try:
            job = await self._watched(str(step.job_id))
        except Refusal as refusal:
            if not refusal.missing:
                raise
            return await self._without_job(step, parameters, probe)
        await self._point(f"{step.name}:ended")
        if job["jobstatus"] != 1:
            raise job_refusal(step.command, job)
        return result_of(job)

    async def _without_job(self, step: Step, parameters: Mapping[str, object], probe: Probe) -> Any:
        """Look for the effect of a job that CloudStack forgot: it keeps jobs for a day, or it was restored."""
        if probe is harmless:
            return await self._result(msgspec.structs.replace(step, job_id=None), parameters, probe, resumed=False)
        found = await self._answered(lambda: probe(self))
        if found is None:
            raise job_gone(step.command)
        return found

    async def _watched(self, job_id: str) -> dict[str, Any]:
        watch = self._context.jobs.watch(self._caller, self._watcher, job_id)
        try:
            while True:
                news = await self.lease.unless_cut(watch.news.get())
                if isinstance(news, Problem):
                    raise news
                if isinstance(news, dict):
                    return news
                await self._silent(news)
        finally:
            self._context.jobs.forget(self._caller, watch)

    # Recording: when one of these returns, everything is on disk

    async def _ended(self, step: Step, result: Any) -> Any:
        value = plain(result)
        current = self._steps.get(step.name, step)  # with the job id, if it got one meanwhile
        await self._record(msgspec.structs.replace(current, state=ENDED, result=value), "done")
        return value

    async def _failed(self, step: Step, problem: Problem) -> None:
        current = self._steps.get(step.name, step)
        await self._record(msgspec.structs.replace(current, state=FAILED, failure=failure_of(problem)), "done")

    async def _record(self, step: Step, point: str) -> Step:
        shown = self.operation if self._unsaved else None
        await self.lease.write(self._context.store.record(self._key, step, shown))
        self._unsaved = self._unsaved and shown is not self.operation
        self._steps[step.name] = step
        await self._point(f"{step.name}:{point}")
        return step

    def _show(self, **fields: Any) -> None:
        """Change what the operation shows. It is written with the next step, which saves a commit."""
        self.operation = msgspec.structs.replace(self.operation, **fields)
        self._unsaved = True

    async def _silent(self, silent: bool) -> None:
        if silent == (self._message is not None):
            return
        message = SILENT if silent else self._message
        self._message = self.operation.status_message if silent else None
        self._show(status_message=message)
        await self.lease.write(self._context.store.change(self.operation))

    async def _point(self, point: str) -> None:
        if self._context.checkpoint:
            await self._context.checkpoint(point)


def _outcome_of(step: Step) -> Any:
    if step.failure is not None:
        raise problem_of(step.failure)
    return step.result
