"""Waiting for a CloudStack that does not answer."""

from typing import Any

import pytest

from fixtures.journals import Bench
from gstack.cloudstack.client import Refusal, Unreachable
from gstack.operations.back_off import BackOff, RetryingClient


class Watched:
    """Records the pauses and the reports; sleeps for none of them."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.reports: list[bool] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def report(self, silent: bool) -> None:
        self.reports.append(silent)


async def test_pauses_double_up_to_a_limit_and_begin_anew() -> None:
    """Each pause is twice the last one, at most 15 seconds; an answer starts again."""
    watched = Watched()
    back_off = BackOff(1.0, watched.pause, watched.report)
    for _ in range(6):
        await back_off.wait()
    await back_off.reset()
    await back_off.wait()
    assert watched.pauses == [1, 2, 4, 8, 15, 15, 1]
    assert watched.reports == [True] * 6 + [False, True]


async def test_reads_wait_and_come_back(bench: Bench) -> None:
    """A list that is dropped three times comes back; silence and answer are reported."""
    watched = Watched()
    back_off = BackOff(0.01, watched.pause, watched.report)
    client = RetryingClient(bench.cloudstack, bench.cloud.keys, None, back_off).in_project(None)
    await bench.cloud.fault("listZones", "drop", count=3)
    assert await client.list_all("listZones", dict[str, Any])
    assert watched.reports == [True, True, True, False]


async def test_other_commands_are_never_repeated(bench: Bench) -> None:
    """A command that changes something raises Unreachable: only a recorded step may send it again."""
    watched = Watched()
    client = RetryingClient(bench.cloudstack, bench.cloud.keys, None, BackOff(0.01, watched.pause, watched.report))
    await bench.cloud.fault("createSecurityGroup", "drop", count=1)
    with pytest.raises(Unreachable):
        await client.send("createSecurityGroup", {"name": "g"})
    assert bench.cloudstack.calls["createSecurityGroup"] == 1


async def test_a_refusal_is_an_answer(bench: Bench) -> None:
    """A read that CloudStack refuses raises at once and counts as an answer."""
    watched = Watched()
    client = RetryingClient(bench.cloudstack, bench.cloud.keys, None, BackOff(0.01, watched.pause, watched.report))
    with pytest.raises(Refusal):
        await client.send("listVolumes", {"zoneid": "nonsense"})
    assert watched.reports == [False]
