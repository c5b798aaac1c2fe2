"""Fault switches against every work: answers lost after the command was done, 5xx, slow, dropped, jobs that fail.

What is only late or unheard changes nothing about the end. A job that fails leaves nothing behind, or names it; and
what failed can simply be tried again. By default a scenario of every work; all of them, each fault alone: `-m soak`.
"""

from functools import partial

import pytest
import requests

from torture.journey import End, Traveller, told
from torture.scenarios import SCENARIOS, Scenario, cases


class Faults:
    """The fault switches of a traveller's sandbox."""

    def __init__(self, traveller: Traveller) -> None:
        self._url = traveller.product.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"

    def set(self, *rules: tuple[str, str]) -> None:
        """Each of these (command, kind) hits one call."""
        for command, kind in rules:
            rule = {"command": command, "kind": kind, "count": 1, "seconds": 0.3}
            requests.post(self._url, json=rule, timeout=10).raise_for_status()

    def left(self) -> list[str]:
        """Commands whose rules hit nothing."""
        return [rule["command"] for rule in requests.get(self._url, timeout=10).json()]

    def clear(self) -> None:
        requests.delete(self._url, timeout=10).raise_for_status()


def commands(end: End) -> list[str]:
    """The commands that an operation sent, each once."""
    return list(dict.fromkeys(step.command for step in end.steps if step.command))


def same(end: End, expected: End) -> None:
    assert end.faults == [], end.faults
    assert told(end.shown) == told(expected.shown)
    assert end.changed == expected.changed


@pytest.mark.parametrize("scenario", cases(), scope="module")  # so that both follow each other, on one reference
def test_nothing_is_heard(lasting: Traveller, scenario: Scenario) -> None:
    """Each command is answered 503, then dropped, then done with its answer lost: nothing is done twice or missing."""
    expected, faults = lasting.reference(scenario), Faults(lasting)
    rules = [(command, kind) for command in commands(expected) for kind in ("error", "drop", "lost")]
    end = lasting.travel(scenario, lambda: faults.set(*rules), faults.clear)
    same(end, expected)


@pytest.mark.parametrize("scenario", cases(), scope="module")  # so that both follow each other, on one reference
def test_the_last_job_fails(lasting: Traveller, scenario: Scenario) -> None:
    """A job that fails at the end fails the operation cleanly, or is made up for; tried again, it goes well."""
    expected = lasting.reference(scenario)
    if jobs := [step.command for step in expected.steps if step.job_id]:
        failing(lasting, scenario, expected, jobs[-1])


@pytest.mark.soak
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_every_job_fails(lasting: Traveller, scenario: Scenario) -> None:
    """The same, whichever job it is."""
    expected = lasting.reference(scenario)
    for command in dict.fromkeys(step.command for step in expected.steps if step.job_id):
        failing(lasting, scenario, expected, command)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["lost", "error", "drop", "slow"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_every_command_once(lasting: Traveller, scenario: Scenario, kind: str) -> None:
    """One kind of trouble for each command, and for the looks at its job."""
    expected, faults = lasting.reference(scenario), Faults(lasting)
    rules = [(command, kind) for command in [*commands(expected), "queryAsyncJobResult"]]
    end = lasting.travel(scenario, lambda: faults.set(*rules), faults.clear)
    same(end, expected)


def failing(lasting: Traveller, scenario: Scenario, expected: End, command: str) -> None:
    faults = Faults(lasting)
    first, last = lasting.travel_twice(scenario, partial(faults.set, (command, "job_failed")), faults.clear)
    assert last.faults == []
    if first.warned - expected.warned:
        return
    if first.faults:
        assert not first.left, f"{command} failed and left {first.left}"
        assert told(first.shown) == told(first.shown_before)
    same(last, expected)
