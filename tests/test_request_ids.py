"""requestId: the same request twice is one operation, another request under the same id is refused."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import requests

from fixtures.gce import Gce
from fixtures.instances import body_of

ZONE = "sandbox-east1-a"


def rule(name: str, port: str = "80") -> dict[str, Any]:
    return {"name": name, "allowed": [{"IPProtocol": "tcp", "ports": [port]}]}


def test_a_repeat_is_the_same_operation_and_a_reuse_is_refused(gce: Gce) -> None:
    """Nothing is accepted and lost: the second name under one id is 409, not the first one's operation."""
    one = str(uuid4())
    first = gce.post("global/firewalls", rule("first"), requestId=one)
    assert gce.post("global/firewalls", rule("first"), requestId=one)["name"] == first["name"]
    assert gce.refused("POST", "global/firewalls", 409, rule("second"), requestId=one)["location"] == "requestId"
    gce.refused("POST", "global/firewalls", 409, rule("first", "81"), requestId=one)
    assert gce.call("GET", "global/firewalls/second").status_code == 404


def test_repeats_that_overlap_are_one_operation(gce: Gce) -> None:
    """A client that lost its patience and asks again is answered with its own operation, whenever that is done."""
    for number in range(6):
        one, body = str(uuid4()), {"name": f"overlap-{number}", "sizeGb": "1"}

        def ask(delay: float, request: str = one, body: dict[str, str] = body) -> requests.Response:
            time.sleep(delay)
            return gce.call("POST", f"zones/{ZONE}/disks", body, requestId=request)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, (0.02 * turn for turn in range(8))))
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        assert len({answer.json()["name"] for answer in answers}) == 1


def test_repeats_while_the_first_waits_or_runs_are_one_thing(gce: Gce) -> None:
    """A repeat gets the first one's operation, whatever state, fingerprint or name the first has meanwhile changed."""
    vm, data = f"zones/{ZONE}/instances/again", f"zones/{ZONE}/disks/again-data"
    gce.done(gce.post(f"zones/{ZONE}/disks", {"name": "again-data", "sizeGb": "1"}))

    def fingerprinted(field: str, body: dict[str, Any]) -> dict[str, Any]:
        return {field: gce.get(vm)[field], **body}

    changes: list[tuple[str, str, Callable[[], Any]]] = [
        ("POST", f"zones/{ZONE}/instances", lambda: body_of(ZONE, "again")),
        ("POST", f"{vm}/setLabels", lambda: fingerprinted("labelFingerprint", {"labels": {"a": "b"}})),
        ("POST", f"{vm}/setTags", lambda: {"items": ["t"], "fingerprint": gce.get(vm)["tags"]["fingerprint"]}),
        ("POST", f"{vm}/attachDisk", lambda: {"source": data, "deviceName": "data"}),
        ("POST", f"{vm}/stop", lambda: None),
        ("POST", f"{vm}/start", lambda: None),
        ("DELETE", vm, lambda: None),
        ("DELETE", data, lambda: None),
    ]
    for verb, path, make in changes:
        one, body = str(uuid4()), make()

        def ask(delay: float, request: str = one, verb: str = verb, path: str = path, body: Any = body) -> Any:
            time.sleep(delay)
            return gce.call(verb, path, body, requestId=request)

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(ask, (0, 0, 0.05, 0.1, 0.3, 1)))
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        assert len({answer.json()["name"] for answer in answers}) == 1, path
        gce.done(answers[0].json())
        assert gce.call(verb, path, body, requestId=one).json()["name"] == answers[0].json()["name"]


def test_one_id_is_one_place(gce: Gce) -> None:
    """The same disk asked for in another zone is another request."""
    one, body = str(uuid4()), {"name": "disk-of-an-id", "sizeGb": "1"}
    first, other = (f"zones/{zone['name']}/disks" for zone in gce.items("zones")[:2])
    gce.done(gce.post(first, body, requestId=one))
    gce.refused("POST", other, 409, body, requestId=one)
    assert gce.call("GET", f"{other}/disk-of-an-id").status_code == 404


def test_one_id_is_one_deletion(gce: Gce) -> None:
    """A deletion under another one's id is refused, and nothing goes; repeated, it is the first one's operation."""
    for name in ("gone", "stays"):
        gce.done(gce.post("global/firewalls", rule(name)))
    one = str(uuid4())
    first = gce.done(gce.delete("global/firewalls/gone", requestId=one))
    gce.refused("DELETE", "global/firewalls/stays", 409, requestId=one)
    assert gce.get("global/firewalls/stays")["name"] == "stays"
    assert gce.delete("global/firewalls/gone", requestId=one)["name"] == first["name"]


@pytest.mark.parametrize("sent", ["x", "00000000-0000-0000-0000-000000000000", "8b1f1f5e0c7c4a6e9c390f5b0b5b0b01"])
def test_an_id_must_be_a_uuid(gce: Gce, sent: str) -> None:
    """What is no UUID, and the zero one, are invalid, and nothing is made."""
    error = gce.refused("POST", "global/firewalls", 400, rule("no-id"), requestId=sent)
    assert (error["reason"], error["location"]) == ("invalid", "requestId")
    assert gce.call("GET", "global/firewalls/no-id").status_code == 404


def test_operations_are_listed_newest_first(gce: Gce) -> None:
    """`orderBy=creationTimestamp desc` sorts operations by their insertTime."""
    for name in ("order-a", "order-b", "order-c"):
        gce.done(gce.post("global/firewalls", rule(name)))
    times = [one["insertTime"] for one in gce.items("global/operations", orderBy="creationTimestamp desc")]
    assert len(times) >= 3
    assert times == sorted(times, reverse=True)
