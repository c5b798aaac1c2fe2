"""Runs one operation's work: `Run` is the Op that work functions are handed.

A step goes through recorded states: intent (before the send), job (CloudStack's job id is known), done or failed. Each
is on disk before the next thing happens, so wherever a process dies, the next one knows what may have happened:
nothing recorded: nothing was sent; an intent: a probe looks whether the send arrived; a job id: the job is awaited.

`checkpoint` is the place for crash tests: it is called with `begin` (the row is written), `end` (the work ended, the
row is not DONE yet) and for each step with `<step>:<point>`, where point is `intent` (recorded, not yet sent), `sent`
(answered, not yet recorded), `job` (job id recorded), `ended` (job ended, not yet recorded) and `done` (result or
failure recorded); a decision has `made` (made, not yet recorded) and `done`. operations.crash_switch sets one.
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
from gstack.operations.jobs import Jobs
from gstack.operations.model import Operation, Probe, Warned, Work, harmless
from gstack.operations.outcomes import failed, failure_of, job_gone, plain, problem_of, succeeded
from gstack.operations.patience import Patience, PatientClient
from gstack.operations.rows import ENDED, FAILED, INTENT, JOB, Record, Step
from gstack.operations.store import Store
from gstack.operations.tenure import Interrupted, Tenure

T = TypeVar("T")
Checkpoint = Callable[[str], Awaitable[None]]
SILENT = "The cloud behind this server does not answer. The operation goes on when it does."
_REMOVALS = ("delete", "destroy", "disassociate", "expunge", "release", "remove")
_PROBES = (1, 2, 4, 8)  # pauses between looks for a lost send, in poll intervals: it may still be on its way

_log = structlog.get_logger(__name__)


class Surroundings(msgspec.Struct, frozen=True):
    """What all runs of a process share."""

    store: Store
    cloudstack: CloudStack
    jobs: Jobs
    sidecar: Sidecar
    poll_interval: float  # seconds
    lease: float  # seconds
    checkpoint: Checkpoint | None = None


class Run:
    """One operation on its way, in one process. Implements model.Op; its docstrings there are the contract."""

    def __init__(self, around: Surroundings, record: Record, keys: KeyPair, known: Mapping[str, Step]) -> None:
        self.operation = record.operation
        self.args: dict[str, Any] = plain(record.operation.args)
        self.sidecar = around.sidecar
        self.tenure = Tenure(around.store, around.lease)
        self.patience = Patience(around.poll_interval, self.tenure.pause, self._silent)
        self.cloudstack: Client = PatientClient(around.cloudstack, keys, record.cloudstack_project, self.patience)
        self._sender = around.cloudstack.client(keys, record.cloudstack_project)
        self._watcher = around.cloudstack.client(keys)
        self._caller = keys.api_key
        self._around = around
        self._key = record.key
        self._steps = dict(known)
        self._used: set[str] = set()
        self._unsaved = False  # the operation shows more than its row
        self._message: str | None = None  # what status_message says when CloudStack answers again

    # What the journal does with a run.

    async def perform(self, work: Work) -> None:
        """Do the work to its end and write the operation as DONE.

        Raises Interrupted, and what the database raises when it is out of reach: then somebody goes on later.
        """
        await self._point("begin")
        outcome = await self._outcome(work)
        await self._point("end")
        if self.tenure.interrupted:  # the work may have swallowed it
            raise Interrupted
        message = outcome.status_message if self._message is None else self._message
        outcome = msgspec.structs.replace(outcome, status_message=message)
        await self.tenure.write(self._around.store.finish(outcome))
        self.operation = outcome

    async def _outcome(self, work: Work) -> Operation:
        while True:
            self._used.clear()
            try:
                await work.perform(self, self.args)
            except Unreachable:  # the work asked CloudStack outside its steps: begin again, steps are remembered
                await self.patience.silence()
            except Problem as problem:
                _log.info("operation failed", operation=self.operation.name, fault=str(problem), why=problem.internal)
                return failed(self.operation, problem)
            except Exception as error:
                if lost_connection(error) or self.tenure.interrupted:
                    raise
                _log.exception("work broke", operation=self.operation.name, work=self.operation.work)
                return failed(self.operation, Problem.internal_error(repr(error)))
            else:
                return succeeded(self.operation)

    # What the work does: model.Op.

    async def run(self, step: str, command: str, parameters: Mapping[str, object], *, probe: Probe) -> dict[str, Any]:
        """Do one CloudStack command as a recorded step, and its job if it has one; return its result's object."""
        known = self._enter(step)
        if known and known.state in {ENDED, FAILED}:
            return dict(_remembered(known))
        current = known or await self._intend(step, command)
        try:
            result = await self._result(current, parameters, probe, resumed=known is not None)
        except Problem as problem:
            await self._failed(current, problem)
            raise
        return dict(await self._ended(current, result))

    async def decide(self, step: str, make: Callable[[], Awaitable[T]]) -> T:
        """Record a decision, so that a resume decides the same."""
        known = self._enter(step)
        if known:
            remembered: T = _remembered(known)
            return remembered
        current = Step(name=step, state=INTENT, command="", started=datetime.now(UTC))
        try:
            decided = await self._answered(make)
            await self._point(f"{step}:made")
            made: T = await self._ended(current, decided)
        except Problem as problem:
            await self._failed(current, problem)
            raise
        return made

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
        if not any(known.message == message for known in self.operation.warnings):
            self._show(warnings=(*self.operation.warnings, Warned(code, message, data)))

    async def target(self, gce_id: str) -> None:
        """Set the target's GCE id once it is known."""
        if self.operation.target.id != gce_id:
            self._show(target=msgspec.structs.replace(self.operation.target, id=gce_id))

    # A step, from state to state.

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
        """Send until it arrived: the result that a look after a lost answer found, or None and the answer."""
        while True:
            await self.tenure.before_send(self.operation)
            try:
                answer = await self._sender.send(step.command, parameters)
            except Unreachable as silence:
                repeated = repeated or silence.sent
                await self.patience.silence()
                found = await self._probed(probe, datetime.now(UTC)) if silence.sent else None
                if found is not None:
                    return found, {}
            except Refusal as refusal:
                if repeated and refusal.missing and step.command.startswith(_REMOVALS):
                    return {"success": True}, {}  # the first one arrived: what it removed is gone
                raise
            else:
                await self._point(f"{step.name}:sent")
                await self.patience.answer()
                return None, answer

    async def _probed(self, probe: Probe, sent: datetime) -> Mapping[str, Any] | None:
        """Look whether a send arrived, until it must have had its effect. None: it did not, send again."""
        if probe is harmless:
            return None
        unit = self._around.poll_interval
        for pause in _PROBES:
            found = await self._answered(lambda: probe(self))
            if found is not None or (datetime.now(UTC) - sent).total_seconds() > sum(_PROBES) * unit:
                return found
            await self.tenure.pause(pause * unit)
        return await self._answered(lambda: probe(self))

    async def _answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until CloudStack answers."""
        while True:
            try:
                return await ask()
            except Unreachable:
                await self.patience.silence()

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
        """CloudStack forgot the job (it keeps them for a day, or was restored): look for its effect."""
        if probe is harmless:
            return await self._result(msgspec.structs.replace(step, job_id=None), parameters, probe, resumed=False)
        found = await self._answered(lambda: probe(self))
        if found is None:
            raise job_gone(step.command)
        return found

    async def _watched(self, job_id: str) -> dict[str, Any]:
        watch = self._around.jobs.watch(self._caller, self._watcher, job_id)
        try:
            while True:
                news = await self.tenure.unless_cut(watch.news.get())
                if isinstance(news, Problem):
                    raise news
                if isinstance(news, dict):
                    return news
                await self._silent(news)
        finally:
            self._around.jobs.forget(self._caller, watch)

    # Recording. Everything here is on disk when it returns.

    async def _ended(self, step: Step, result: Any) -> Any:
        value = plain(result)
        known = self._steps.get(step.name, step)  # its job id may have come since
        await self._record(msgspec.structs.replace(known, state=ENDED, result=value), "done")
        return value

    async def _failed(self, step: Step, problem: Problem) -> None:
        known = self._steps.get(step.name, step)
        await self._record(msgspec.structs.replace(known, state=FAILED, failure=failure_of(problem)), "done")

    async def _record(self, step: Step, point: str) -> Step:
        shown = self.operation if self._unsaved else None
        await self.tenure.write(self._around.store.record(self._key, step, shown))
        self._unsaved = self._unsaved and shown is not self.operation
        self._steps[step.name] = step
        await self._point(f"{step.name}:{point}")
        return step

    def _show(self, **fields: Any) -> None:
        """Change what the operation shows; it is written with the next step, which spares a commit."""
        self.operation = msgspec.structs.replace(self.operation, **fields)
        self._unsaved = True

    async def _silent(self, silent: bool) -> None:
        if silent == (self._message is not None):
            return
        message = SILENT if silent else self._message
        self._message = self.operation.status_message if silent else None
        self._show(status_message=message)
        await self.tenure.write(self._around.store.change(self.operation))

    async def _point(self, point: str) -> None:
        if self._around.checkpoint:
            await self._around.checkpoint(point)


def _remembered(step: Step) -> Any:
    if step.failure is not None:
        raise problem_of(step.failure)
    return step.result
