"""reconcile, with an Op that records steps as the journal does."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from gstack.cloudstack.errors import Refusal
from gstack.firewalling.rules import Command
from gstack.operations.model import Probe, harmless
from gstack.resources.steps.reconcile import PASSES, reconcile, replace


class Recorder:
    """As much of an Op as reconcile needs. Steps are unique; a command adds its id to what exists."""

    def __init__(self, refusing: int = 0) -> None:
        self.existing: set[str] = set()
        self.steps: list[str] = []
        self.sent: list[str] = []
        self.refusing = refusing

    async def decide(self, step: str, make: Callable[[], Awaitable[Any]]) -> Any:
        self._once(step)
        return await make()

    async def run(self, step: str, command: str, parameters: Mapping[str, Any], *, probe: Probe) -> dict[str, Any]:
        self._once(step)
        assert probe is harmless
        self.sent.append(command)
        if self.refusing:
            self.refusing -= 1
            raise Refusal(command, 530, "no")
        self.existing.add(parameters["id"])
        return {}

    def _once(self, step: str) -> None:
        assert step not in self.steps
        self.steps.append(step)


async def missing(op: Recorder, wanted: set[str]) -> list[Command]:
    return [Command("make", {"id": one}) for one in sorted(wanted - op.existing)]


@pytest.mark.parametrize("refusing", [0, 1, 3])
async def test_refusals_are_looked_at_again(refusing: int) -> None:
    """What CloudStack refused is sent again after another look, until nothing is missing."""
    op: Any = Recorder(refusing)
    await reconcile(op, "s", lambda: missing(op, {"a", "b"}))
    assert op.existing == {"a", "b"}


async def test_a_refusal_that_stays_is_raised() -> None:
    """After a few passes, the refusal of CloudStack is raised."""
    op: Any = Recorder(1000)
    with pytest.raises(Refusal):
        await reconcile(op, "s", lambda: missing(op, {"a"}))
    assert sum("plan" in step for step in op.steps) == PASSES


async def test_nothing_to_do_sends_nothing() -> None:
    """If nothing is missing, there is one look and no command."""
    op: Any = Recorder()
    await reconcile(op, "s", lambda: missing(op, set()))
    assert op.steps == ["s-plan-0"]


async def test_nothing_is_removed_before_its_replacement_exists() -> None:
    """A replacement sends removals once its additions exist, also where CloudStack refused them at first."""
    op: Any = Recorder(1)

    async def plan() -> list[Command]:
        calls = [Command("make", {"id": "new"}), Command("deleteOld", {"id": "gone"})]
        return [call for call in calls if call.parameters["id"] not in op.existing]

    await replace(op, "s", plan)
    assert op.sent == ["make", "make", "deleteOld"]
