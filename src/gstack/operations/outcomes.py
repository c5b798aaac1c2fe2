"""How operations and steps end, as the journal keeps it: Problems to JSON and back, an operation that is DONE."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec

from gstack.cloudstack.client import Refusal
from gstack.errors import Problem
from gstack.operations.model import DONE, Operation, fault_of

CLEANUP_FAILED = "CLEANUP_FAILED"  # Google's code of warnings about what was left behind
_FIELDS = ("status", "reason", "message", "code", "location", "location_type", "internal")


def failure_of(problem: Problem) -> dict[str, Any]:
    """A Problem as JSON, so that a resume raises the same one again."""
    if isinstance(problem, Refusal):
        return {
            "command": problem.command,
            "error_code": problem.error_code,
            "error_text": problem.error_text,
        }
    return {name: getattr(problem, name) for name in _FIELDS}


def problem_of(failure: dict[str, Any]) -> Problem:
    """The Problem that `failure_of` was given."""
    if "command" in failure:
        return Refusal(**failure)
    return Problem(**failure)


def plain(value: Any) -> Any:
    """What a value is after a journey through the journal: the first run sees what a resume would see."""
    return msgspec.json.decode(msgspec.json.encode(value))


def succeeded(operation: Operation) -> Operation:
    """The operation, DONE without an error."""
    return msgspec.structs.replace(operation, status=DONE, progress=100, end_time=datetime.now(UTC))


def failed(operation: Operation, problem: Problem) -> Operation:
    """The operation, DONE with a Problem as its error, which names what could not be cleaned up."""
    fault = fault_of(problem)
    remains = [warned.message for warned in operation.warnings if warned.code == CLEANUP_FAILED]
    return msgspec.structs.replace(
        succeeded(operation),
        faults=(msgspec.structs.replace(fault, message=" ".join([fault.message, *remains])),),
        http_status=problem.status,
        http_message=HTTPStatus(problem.status).phrase.upper(),
    )


def job_gone(command: str) -> Problem:
    """CloudStack forgot a job, and nothing of its effect is to be found."""
    text = (
        f"CloudStack no longer knows the job of {command}, and its effect is not there: the cloud's state was reset "
        "or restored meanwhile. Look at the resource and try again."
    )
    return Problem(500, "backendError", text, code="OPERATION_LOST")


def keys_gone() -> Problem:
    """The sealed key pair of an accepted operation is not in the database any more."""
    text = "The CloudStack keys that this operation was accepted with are no longer kept here, so it could not go on."
    return Problem(403, "forbidden", text, code="CREDENTIALS_GONE")
