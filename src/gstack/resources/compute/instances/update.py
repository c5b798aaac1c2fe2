"""instances.update: a whole Instance is put; what differs from the instance as it is becomes the methods' own changes.

The changes (update_asked) are done in turn, in one operation; when one fails, those before it are taken back.
`mostDisruptiveAllowedAction` (REFRESH where it is not sent, as on GCE) and `minimalAction` count for a running
machine: a change that needs a stopped one stops it, and starts it again.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work, works
from gstack.operations.nested import Nested
from gstack.resources.compute.instances import reads
from gstack.resources.compute.instances.power import power_off, power_on
from gstack.resources.compute.instances.subject import RUNNING, Subject, begin, check_settled, wanted
from gstack.resources.compute.instances.update_asked import LEVELS, RESTART, Change, changes_asked
from gstack.resources.inventory import machines
from gstack.resources.inventory.volumes import Volume
from gstack.resources.inventory.zones import locations
from gstack.resources.steps.creation import write_down

_UNSAID = "REFRESH"


@serves("compute.instances.update")
async def update(call: Call) -> dict[str, Any]:
    """`discardLocalSsd` asks for nothing: there are no local SSDs."""
    subject = await wanted(call)
    check_settled(call, subject)
    shown = await _shown(call, subject)
    if call.body.get("fingerprint", "").rstrip("=") != shown["fingerprint"].rstrip("="):
        raise Problem.condition_not_met("Supplied fingerprint does not match current instance fingerprint.")
    changes = await changes_asked(call, subject, shown)
    args = {"changes": msgspec.to_builtins(changes), "restart": _restart(call, subject, changes)}
    return await begin(call, apply, subject, args)


async def _shown(call: Call, subject: Subject) -> dict[str, Any]:
    narrowed = {**machines.OWN, "virtualmachineid": subject.machine.id}
    disks = await call.cloudstack.list_all("listVolumes", Volume, narrowed)
    everywhere = await locations(call.cloudstack, call.settings.names)
    return (await reads.render(call, everywhere, [subject.found], disks))[0]


def _restart(call: Call, subject: Subject, changes: Sequence[Change]) -> bool:
    """Whether the machine has to be stopped for this; 400 where that is more than the client allows."""
    least = _level(call, "minimalAction", LEVELS[0])
    most = _level(call, "mostDisruptiveAllowedAction", max(_UNSAID, least, key=LEVELS.index))
    if LEVELS.index(least) > LEVELS.index(most):
        raise Problem.invalid("minimalAction", f"'{least}'. It is more than mostDisruptiveAllowedAction, '{most}'.")
    if subject.status != RUNNING:
        return False
    needed = max([least, *(change.level for change in changes)], key=LEVELS.index)
    if LEVELS.index(needed) > LEVELS.index(most):
        fields = ", ".join(change.field for change in changes if LEVELS.index(change.level) > LEVELS.index(most))
        why = f"'{most}'. The update requires {needed} for {fields}. Allow it, or stop the instance first."
        raise Problem.invalid("mostDisruptiveAllowedAction", why)
    return needed == RESTART


def _level(call: Call, parameter: str, unsaid: str) -> str:
    level = call.params.get(parameter) or unsaid
    if level not in LEVELS:
        raise Problem.invalid(parameter, f"'{level}'. Must be one of {', '.join(LEVELS)}.")
    return str(level)


@work("instances.update")
async def apply(op: Op) -> None:
    """Do the changes in turn; take back those that were done where one fails. The machine runs again if it did."""
    changes, restart = msgspec.convert(op.args["changes"], list[Change]), op.args["restart"]
    done: list[Change] = []
    if restart:
        await power_off(Nested(op, "stop", op.args))
    try:
        for change in changes:
            await _apply(op, change.field, change, change.args)
            done.append(change)
        if restart:
            await power_on(Nested(op, "start", op.args))
    except Problem:
        await _take_back(op, done, restart=restart)
        raise


async def _take_back(op: Op, done: Sequence[Change], *, restart: bool) -> None:
    for change in reversed(done):
        try:
            await _apply(op, f"undo-{change.field}", change, change.back)
        except Problem as problem:
            await op.warn("CLEANUP_FAILED", f"{change.field} could not be put back: {problem.message}")
    if not restart:
        return
    try:
        await power_on(Nested(op, "undo-stop", op.args))
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"The instance could not be started again: {problem.message}")


async def _apply(op: Op, step: str, change: Change, args: dict[str, Any]) -> None:
    named = {name: op.args[name] for name in ("machine_id", "kind", "name")}
    args = {**named, **args}
    await works()[change.work].perform(Nested(op, step, args), args)


@work("instances.describe")
async def describe(op: Op) -> None:
    """Write down the description: no method of its own changes it."""
    facts = {"description": op.args["description"] or None}
    await write_down(op, "facts", op.args["machine_id"], op.args["kind"], facts)
