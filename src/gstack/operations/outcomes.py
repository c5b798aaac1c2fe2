"""How the journal keeps outcomes: Problems as JSON and back, and operations that are DONE."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec

from gstack.cloudstack.client import Refusal
from gstack.errors import Problem
from gstack.operations.model import DONE, Operation, fault_of

CLEANUP_FAILED = "CLEANUP_FAILED"  # Google's warning code for what could not be removed
_FIELDS = ("status", "reason", "message", "code", "location", "location_type", "internal")


def failure_of(problem: Problem) -> dict[str, Any]:
    """Return a Problem as JSON, so that a resumed work raises the same one again."""
    if isinstance(problem, Refusal):
        return {
            "command": problem.command,
            "error_code": problem.error_code,
            "error_text": problem.error_text,
        }
    return {name: getattr(problem, name) for name in _FIELDS}


def problem_of(failure: dict[str, Any]) -> Problem:
    """Return the Problem that `failure_of` turned into JSON."""
    if "command" in failure:
        return Refusal(**failure)
    return Problem(**failure)


def plain(value: Any) -> Any:
    """Return a value as it comes back from the journal, so that the first run sees what a resumed one sees."""
    return msgspec.json.decode(msgspec.json.encode(value))


def succeeded(operation: Operation) -> Operation:
    """Return the operation as DONE without an error."""
    return msgspec.structs.replace(operation, status=DONE, progress=100, end_time=datetime.now(UTC))


def failed(operation: Operation, problem: Problem) -> Operation:
    """Return the operation as DONE with a Problem as its error, which also names what could not be removed."""
    fault = fault_of(problem)
    remains = [warned.message for warned in operation.warnings if warned.code == CLEANUP_FAILED]
    return msgspec.structs.replace(
        succeeded(operation),
        faults=(msgspec.structs.replace(fault, message=" ".join([fault.message, *remains])),),
        http_status=problem.status,
        http_message=HTTPStatus(problem.status).phrase.upper(),
    )


def job_gone(command: str) -> Problem:
    """Return the Problem of a job that CloudStack forgot and whose effect is not found."""
    text = (
        f"CloudStack no longer knows the job of {command}, and its effect is not there: the cloud's state was reset "
        "or restored. Check the resource and try again."
    )
    return Problem(500, "backendError", text, code="OPERATION_LOST")


def keys_gone() -> Problem:
    """Return the Problem of an accepted operation whose key pair is no longer in the database."""
    text = "The CloudStack keys of this operation's caller are no longer stored on this server, so it could not go on."
    return Problem(403, "forbidden", text, code="CREDENTIALS_GONE")
