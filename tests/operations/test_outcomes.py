"""How things end: Problems to JSON and back, operations that are DONE."""

from datetime import UTC, datetime

import msgspec
import pytest

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.operations.model import Operation, Target, Warned
from gstack.operations.outcomes import failed, failure_of, job_gone, keys_gone, plain, problem_of, succeeded

RUNNING = Operation(
    id="1",
    name="operation-1",
    owner="o",
    project="p",
    method="compute.disks.insert",
    operation_type="insert",
    work="disks.insert",
    target=Target("zones/z", "disks", "d"),
    user="u",
    credential="c",
    args={},
    insert_time=datetime(2026, 1, 1, tzinfo=UTC),
    status="RUNNING",
    progress=40,
)


@pytest.mark.parametrize(
    "problem",
    [
        Refusal("deployVirtualMachine", 533, "no capacity for it"),
        Refusal("listZones", 431, "entity does not exist"),
        Problem.not_found("projects/p/zones/z"),
        Problem.invalid("name", "is too long"),
        job_gone("createVolume"),
        keys_gone(),
    ],
)
def test_a_problem_outlives_the_journal(problem: Problem) -> None:
    """After JSON and back it is of the same kind and says the same to the client, to the log and to the work."""
    again = problem_of(msgspec.json.decode(msgspec.json.encode(failure_of(problem))))
    assert isinstance(again, type(problem))
    assert {**vars(again), "headers": {}} == {**vars(problem), "headers": {}}


def test_success_is_done_and_whole() -> None:
    """DONE, 100 per cent, with an end time and no error."""
    done = succeeded(RUNNING)
    assert (done.status, done.progress, done.faults, done.http_status) == ("DONE", 100, (), 0)
    assert done.end_time is not None


@pytest.mark.parametrize(
    ("problem", "status", "message"),
    [
        (Problem.invalid("x", "y"), 400, "BAD REQUEST"),
        (Problem.already_exists("x"), 409, "CONFLICT"),
        (Problem.exhausted("full"), 503, "SERVICE UNAVAILABLE"),
        (Problem.internal_error("x"), 500, "INTERNAL SERVER ERROR"),
    ],
)
def test_failure_has_the_three_places_that_clients_read(problem: Problem, status: int, message: str) -> None:
    """The fault, the HTTP status and the HTTP message: without the latter two Google's SDK sees success."""
    done = failed(RUNNING, problem)
    assert (done.status, done.http_status, done.http_message) == ("DONE", status, message)
    assert [fault.message for fault in done.faults] == [problem.message]


def test_failure_names_what_was_left_behind() -> None:
    """What could not be cleaned up stands in the error, which every client shows; warnings are shown by few."""
    left = Warned("CLEANUP_FAILED", "The disk d could not be removed.")
    running = msgspec.structs.replace(RUNNING, warnings=(Warned("FIELD_VALUE_OVERRIDEN", "no"), left))
    done = failed(running, Problem.exhausted("Full."))
    assert [fault.message for fault in done.faults] == ["Full. The disk d could not be removed."]


def test_a_first_run_sees_what_a_resume_would_see() -> None:
    """Tuples become lists, structs become objects, once and for all."""
    assert plain({"a": (1, 2), "t": Target("global", "x", "y")}) == {
        "a": [1, 2],
        "t": {"scope": "global", "collection": "x", "name": "y", "id": ""},
    }
