"""kill -9 in the middle of every work: made from the list of works and from the steps that each one records.

By default a scenario of every work dies in every one of its steps, alternately between what was sent and its record,
and after the record. All scenarios, and each point by itself, are `-m soak`.
"""

from collections.abc import Sequence
from typing import cast

import pytest

from fixtures.mortal import Mortal
from gstack import resources
from gstack.operations.model import works
from torture.journey import End, Step, Traveller, told
from torture.scenarios import SCENARIOS, Scenario, cases

PARTS = {"instances.describe"}  # works that are done as a part of instances.update alone
POINTS = ("begin", "intent", "sent", "job", "ended", "made", "done", "end")


def test_every_work_has_a_scenario() -> None:
    """A work that nobody tortures fails here: add it to scenarios.py."""
    resources.load()
    ours = {
        name for name, work in works().items() if work.function.__module__.startswith("gstack.")
    }  # tests make works too
    assert ours - PARTS == {scenario.work for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", cases())
def test_dying_in_every_step(mortal: Traveller, scenario: Scenario) -> None:
    """An operation whose process is killed once in every step ends as one that nothing happened to."""
    expected = mortal.reference(scenario)
    _dies(mortal, scenario, expected, ["begin", *_alternating(expected.steps), "end"])


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_dying_at_every_point(mortal: Traveller, scenario: Scenario, point: str) -> None:
    """Wherever the process is killed once, the next one ends the operation as if nothing had happened."""
    expected = mortal.reference(scenario)
    everywhere = ["begin", *(one for step in expected.steps for one in step.points), "end"]
    for one in everywhere:
        if one.rpartition(":")[2] == point:
            _dies(mortal, scenario, expected, [one])


def _alternating(steps: Sequence[Step]) -> list[str]:
    """For each step one point: before its record (send or job), after it, in turn."""
    chosen = []
    for index, step in enumerate(steps):
        before = [point for point in step.points if point.endswith((":sent", ":ended", ":made"))]
        chosen.append(before[index // 2 % len(before)] if index % 2 == 0 else step.points[-1 - index // 2 % 2])
    return chosen


def _dies(mortal: Traveller, scenario: Scenario, expected: End, points: list[str]) -> None:
    gateway = cast("Mortal", mortal.product.app)
    end = mortal.travel(scenario, lambda: gateway.crash_at(*points))
    assert gateway.missed() == [], "the process did not die there"
    assert end.faults == [], end.faults
    assert told(end.shown) == told(expected.shown)
    assert end.changed == expected.changed
