"""Bring CloudStack's rules to what they should be: look, send the difference, look again where something was refused.

Several operations may do this to one network at the same time. Each writes its own part down first and looks then, and
a refusal (the rule is there already, the number is taken) only means that another was faster: the next look tells.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gstack.cloudstack.errors import Refusal
from gstack.firewalling.rules import Call
from gstack.operations.model import Op, harmless

PASSES = 4

Plan = Callable[[], Awaitable[list[Call]]]


async def settle(op: Op, step: str, plan: Plan, *, again: bool = False) -> None:
    """Send what `plan` says until nothing is left. `again`: look once more even when nothing was refused.

    Raises the last Refusal when CloudStack still refuses after a few looks.
    """
    refusal: Refusal | None = None
    for number in range(PASSES):
        calls = await op.decide(f"{step}-plan-{number}", lambda: _planned(plan))
        if not calls:
            return
        refusal = await _send(op, f"{step}-{number}", calls)
        if refusal is None and not again:
            return
    if refusal:
        raise refusal


async def _planned(plan: Plan) -> list[dict[str, Any]]:
    return [{"command": call.command, "parameters": call.parameters} for call in await plan()]


async def _send(op: Op, step: str, calls: list[dict[str, Any]]) -> Refusal | None:
    refusal = None
    for index, call in enumerate(calls):
        try:
            await op.run(f"{step}-{index}", call["command"], _parameters(call), probe=harmless)
        except Refusal as refused:
            refusal = refusal if refused.missing else refused
    return refusal


def _parameters(call: Mapping[str, Any]) -> dict[str, Any]:
    return dict(call["parameters"])
