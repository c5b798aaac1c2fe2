"""Several gateways on one database: what one begins the others know, and go on with when it dies or sleeps."""

import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from torture.cloud import ask
from torture.replicas import Replicas, at_once, replicas
from torture.scenarios import BASIC, EAST, disk, instances, plain, there

LATER = ("deploy-*:job", "disk-1-make:done")
LINKS = ("selfLink", "targetLink", "zone")  # they name the server that was asked


@pytest.fixture
def pair(tmp_path: Path, database_url: str) -> Iterator[Replicas]:
    """Two gateways, on each kind of database in turn."""
    with replicas(tmp_path, database_url) as running:
        yield running


def machines(pair: Replicas) -> Counter[str]:
    """How many machines of each displayname there are in CloudStack."""
    found = ask(pair.stack, "listVirtualMachines").get("virtualmachine", [])
    return Counter(one["displayname"] for one in found if one["state"] not in {"Destroyed", "Expunging"})


def volumes(pair: Replicas) -> Counter[str]:
    """How many data disks of each name there are in CloudStack."""
    found = ask(pair.stack, "listVolumes", type="DATADISK").get("volume", [])
    return Counter(one["name"] for one in found if one["state"] != "Destroy")


def test_one_request_twice(pair: Replicas) -> None:
    """A requestId sent to both replicas at once, and again after both died, is one operation and one machine."""
    key, body = str(uuid.uuid4()), plain(BASIC, "once")
    calls = [
        lambda replica=replica: replica.gce.call("POST", instances(BASIC), body, requestId=key)
        for replica in (pair.first, pair.second)
    ]
    answers = [answer.json() for answer in at_once(*calls, *calls)]
    assert len({answer["name"] for answer in answers}) == 1, answers
    for replica in (pair.first, pair.second):
        replica.gateway.kill()
    for replica in (pair.first, pair.second):
        replica.gateway.ready()
        assert replica.gce.post(instances(BASIC), body, requestId=key)["name"] == answers[0]["name"]
    assert "error" not in pair.ended(pair.second, answers[0])
    assert machines(pair) == {"once": 1}


def test_one_name_once(pair: Replicas) -> None:
    """Of inserts of one name, sent to both replicas at once, one is begun and the others are 409 alreadyExists."""
    body = plain(EAST, "unique", disks=[*plain(EAST)["disks"], disk("unique-data")])
    calls = [
        lambda replica=replica: replica.gce.call("POST", instances(EAST), body) for replica in (pair.first, pair.second)
    ]
    answers = at_once(*calls, *calls)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    reasons = {answer.json()["error"]["errors"][0]["reason"] for answer in answers if not answer.ok}
    assert reasons == {"alreadyExists"}
    (begun,) = (answer.json() for answer in answers if answer.ok)
    assert "error" not in pair.ended(pair.first, begun)
    assert (machines(pair), volumes(pair)) == ({"unique": 1}, {"unique-data": 1})


@pytest.mark.parametrize("point", ["deploy-*:sent", *(pytest.param(point, marks=pytest.mark.soak) for point in LATER)])
def test_a_dead_replica_is_replaced(pair: Replicas, point: str) -> None:
    """When the process that works on an operation is killed for good, the other ends the operation."""
    body = plain(BASIC, "heir", disks=[*plain(BASIC)["disks"], disk("heir-data")])
    pair.first.gateway.crash_at(point)
    pair.first.gateway.stay_dead()
    operation = pair.first.gce.post(instances(BASIC), body)
    assert "error" not in pair.ended(pair.second, operation)
    assert pair.first.gateway.missed() == []
    assert (machines(pair), volumes(pair)) == ({"heir": 1}, {"heir-data": 1})


def test_a_sleeping_replica_wakes_up_too_late(pair: Replicas) -> None:
    """A paused process loses its lease; when it goes on, it neither repeats nor spoils what the other has done."""
    pair.fault("deployVirtualMachine", "slow", seconds=0.5)
    body = plain(BASIC, "sleeper", disks=[*plain(BASIC)["disks"], disk("sleeper-data")])
    operation = pair.first.gce.post(instances(BASIC), body)
    sleeper = pair.pause_first()
    try:
        done = pair.ended(pair.second, operation)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    assert "error" not in done
    assert pair.ended(pair.first, operation) == done | {name: operation[name] for name in LINKS}
    assert (machines(pair), volumes(pair)) == ({"sleeper": 1}, {"sleeper-data": 1})
    pair.ended(pair.first, pair.first.gce.delete(there(BASIC, "sleeper")))
    assert machines(pair) == {}
