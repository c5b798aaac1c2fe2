"""kill -9 in the middle of every work: made from the list of works and from the steps that each one records.

By default every scenario runs once more and dies in every one of its steps, alternately between what was sent and its
record, and after the record. The whole matrix, each point by itself, is `-m soak`.
"""

from collections.abc import Sequence

import pytest

from gstack import resources
from gstack.operations.model import works
from torture.journey import End, Step, Traveller, told
from torture.scenarios import BY_NAME, SCENARIOS

resources.load()
NAMES = [name for name, scenario in BY_NAME.items() if scenario.work in works()]
POINTS = ("begin", "intent", "sent", "job", "ended", "made", "done", "end")


def test_every_work_has_a_scenario() -> None:
    """A work that nobody tortures fails here: add it to scenarios.py."""
    resources.load()
    assert set(works()) == {scenario.work for scenario in SCENARIOS}


@pytest.mark.parametrize("name", NAMES)
def test_dying_in_every_step(mortal: Traveller, name: str) -> None:
    """An operation whose process is killed once in every step ends as one that nothing happened to."""
    expected = mortal.reference(BY_NAME[name])
    _dies(mortal, name, expected, ["begin", *_alternating(expected.steps), "end"])


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", NAMES)
def test_dying_at_every_point(mortal: Traveller, name: str, point: str) -> None:
    """Wherever the process is killed once, the next one ends the operation as if nothing had happened."""
    expected = mortal.reference(BY_NAME[name])
    everywhere = ["begin", *(one for step in expected.steps for one in step.points), "end"]
    for one in everywhere:
        if one.rpartition(":")[2] == point:
            _dies(mortal, name, expected, [one])


def _alternating(steps: Sequence[Step]) -> list[str]:
    """For each step one point: before its record (send or job), after it, in turn."""
    chosen = []
    for index, step in enumerate(steps):
        before = [point for point in step.points if point.endswith((":sent", ":ended", ":made"))]
        chosen.append(before[index // 2 % len(before)] if index % 2 == 0 else step.points[-1 - index // 2 % 2])
    return chosen


def _dies(mortal: Traveller, name: str, expected: End, points: list[str]) -> None:
    gateway = mortal.product.app
    end = mortal.travel(BY_NAME[name], lambda: gateway.crash_at(*points))  # type: ignore[attr-defined]  # a Mortal
    assert gateway.missed() == [], "the process did not die there"  # type: ignore[attr-defined]
    assert end.faults == [], end.faults
    assert told(end.shown) == told(expected.shown)
    assert end.changed == expected.changed
