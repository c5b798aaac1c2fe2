"""Fault switches against every work: answers lost after the command was done, 5xx, slow, dropped, jobs that fail.

What is only late or unheard changes nothing about the end. A job that fails leaves nothing behind, or names it; and
what failed can simply be tried again.
"""

from functools import partial

import pytest
import requests

from gstack import resources
from gstack.operations.model import works
from torture.journey import End, Traveller, told
from torture.scenarios import BY_NAME

resources.load()
NAMES = [name for name, scenario in BY_NAME.items() if scenario.work in works()]


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


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_lost(lasting: Traveller, name: str) -> None:
    """Each command is done and its answer lost once: nothing is done twice, nothing is missing."""
    expected, faults = lasting.reference(BY_NAME[name]), Faults(lasting)
    lost = [(command, "lost") for command in commands(expected)]
    end = lasting.travel(BY_NAME[name], lambda: faults.set(*lost))
    assert faults.left() == []
    same(end, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_cloud_that_stutters(lasting: Traveller, name: str) -> None:
    """Each command is answered 503, then dropped, then slow, and so is a look at its job: the operation waits."""
    expected, faults = lasting.reference(BY_NAME[name]), Faults(lasting)
    sent = [*commands(expected), "queryAsyncJobResult"]
    rules = [(command, kind) for command in sent for kind in ("error", "drop", "slow")]
    end = lasting.travel(BY_NAME[name], lambda: faults.set(*rules))
    faults.clear()
    same(end, expected)


@pytest.mark.parametrize("name", NAMES)
def test_every_job_fails(lasting: Traveller, name: str) -> None:
    """A job that fails fails the operation cleanly, or is made up for; tried again, it goes well."""
    scenario, faults = BY_NAME[name], Faults(lasting)
    expected = lasting.reference(scenario)
    for command in dict.fromkeys(step.command for step in expected.steps if step.job_id):
        first, last = lasting.travel_twice(scenario, partial(faults.set, (command, "job_failed")), faults.clear)
        assert last.faults == []
        assert told(last.shown) == told(expected.shown)
        assert first.named or last.changed == expected.changed
        assert first.named or not (first.faults and first.changed), f"{command} failed and left {first.changed}"
