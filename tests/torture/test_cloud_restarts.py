"""The cloud is killed in the middle of every work, and comes again: what was begun is ended."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from torture.cloud import Cloud
from torture.journey import Journal, Traveller, told
from torture.scenarios import SCENARIOS, Scenario

ALWAYS = ("instances.insert", "instances.delete", "snapshots.insert", "firewalls.insert", "instances.attachDisk")


def chosen() -> list[object]:
    """The first scenario of some works always, all others on demand."""
    first = {work: next(one.name for one in SCENARIOS if one.work == work) for work in ALWAYS}
    return [
        pytest.param(one, id=one.name, marks=[] if one.name in first.values() else [pytest.mark.soak])
        for one in SCENARIOS
    ]


@pytest.mark.parametrize("scenario", chosen())
def test_the_cloud_is_killed(cloudy: Traveller, cloud: Cloud, scenario: Scenario) -> None:
    """Killed when the first step is on its way and once more a little later, it changes nothing about the end."""
    expected = cloudy.reference(scenario)
    if not any(step.command for step in expected.steps):
        return
    with ThreadPoolExecutor(1) as killer:
        killings: list[Future[None]] = []

        def kill() -> None:
            killings.append(killer.submit(_kill, cloudy.journal, cloud, cloudy.journal.last()))

        def killed() -> None:
            killings[0].result()

        end = cloudy.travel(scenario, kill, killed)
    assert end.faults == [], end.faults
    assert told(end.shown) == told(expected.shown)
    assert end.changed == expected.changed


def _kill(journal: Journal, cloud: Cloud, before: int) -> None:
    end = time.monotonic() + 60
    while journal.last() == before or not any(step.command for step in journal.steps(journal.last())):
        assert time.monotonic() < end
        time.sleep(0.005)
    cloud.restart()
    time.sleep(0.1)
    cloud.restart()
