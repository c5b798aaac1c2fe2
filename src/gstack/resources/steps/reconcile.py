"""Bring CloudStack's rules to what they should be: look, send the difference, and look again after a refusal.

Several operations may do this for one network at the same time. Each of them writes down what it changes before it
looks. A refusal (the rule exists, the number is in use) then only means that another operation was faster, and the next
look tells what is still missing.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from gstack.cloudstack.errors import Refusal
from gstack.firewalling.rules import Command
from gstack.operations.model import Op, harmless

PASSES = 4
_REMOVALS = ("delete", "revoke")  # how commands begin that take rules away

Plan = Callable[[], Awaitable[list[Command]]]  # looks, and returns the calls that make the difference


async def reconcile(op: Op, step: str, plan: Plan, *, again: bool = False) -> None:
    """Send what `plan` returns until nothing is left to do, or until nothing was refused.

    With `again` it looks once more after every pass: use it when rules are removed, because another operation may have
    come to need them meanwhile. Raises the last Refusal when CloudStack still refuses after PASSES passes.
    """

    async def planned() -> list[dict[str, Any]]:
        return [{"command": call.command, "parameters": call.parameters} for call in await plan()]

    refusal: Refusal | None = None
    for number in range(PASSES):
        calls = await op.decide(f"{step}-plan-{number}", planned)
        if not calls:
            return
        refusal = await _send(op, f"{step}-{number}", calls)
        if refusal is None and not again:
            return
    if refusal:
        raise refusal


async def replace(op: Op, step: str, plan: Plan) -> None:
    """Reconcile in two parts: first all additions of `plan`, then what is left of it.

    So a rule that replaces another exists before the other one goes, even where CloudStack refused it at first.
    """

    async def additions() -> list[Command]:
        return [call for call in await plan() if not call.command.startswith(_REMOVALS)]

    await reconcile(op, f"{step}-add", additions)
    await reconcile(op, step, plan, again=True)


async def _send(op: Op, step: str, calls: list[dict[str, Any]]) -> Refusal | None:
    """Send all calls; return the last refusal, but for those that say that the rule to remove is gone."""
    refusal: Refusal | None = None
    for index, call in enumerate(calls):
        try:
            await op.run(f"{step}-{index}", call["command"], call["parameters"], probe=harmless)
        except Refusal as refused:
            refusal = refusal if refused.missing else refused
    return refusal
