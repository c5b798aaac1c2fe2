"""Problem and Google's error envelope."""

import pytest

from gstack.errors import Problem


def test_envelope_is_google_s_v1_error() -> None:
    """A Problem renders code, message and errors with domain and reason; the status word where Google has one."""
    error = Problem.not_found("projects/p/zones/z/disks/d").envelope()["error"]
    assert error["code"] == 404
    assert error["message"] == "The resource 'projects/p/zones/z/disks/d' was not found"
    assert error["errors"] == [{"message": error["message"], "domain": "global", "reason": "notFound"}]
    assert error["status"] == "NOT_FOUND"


def test_location_is_shown_where_known() -> None:
    """A field's error names the field."""
    detail = Problem.invalid("name", "must be a lower-case name").envelope()["error"]["errors"][0]
    assert (detail["location"], detail["locationType"]) == ("name", "parameter")


def test_internal_half_stays_inside() -> None:
    """What is meant for the log is in no envelope."""
    problem = Problem.internal_error("secret inside")
    assert "secret" not in str(problem.envelope())
    assert problem.internal == "secret inside"


@pytest.mark.parametrize(
    ("problem", "status", "reason", "code"),
    [
        (Problem.required("zone"), 400, "required", "REQUIRED_FIELD_MISSING"),
        (Problem.unsupported("hostname", "not here"), 400, "invalid", "UNSUPPORTED_OPERATION"),
        (Problem.bad_request("no JSON", "parseError"), 400, "parseError", "PARSE_ERROR"),
        (Problem.unauthorized(), 401, "authError", "AUTH_ERROR"),
        (Problem.forbidden("no"), 403, "forbidden", "PERMISSION_DENIED"),
        (Problem.already_exists("projects/p/zones/z/disks/d"), 409, "alreadyExists", "RESOURCE_ALREADY_EXISTS"),
        (Problem.not_ready("d"), 400, "resourceNotReady", "RESOURCE_NOT_READY"),
        (Problem.condition_not_met(), 412, "conditionNotMet", "CONDITION_NOT_MET"),
        (Problem.too_large("big"), 413, "uploadTooLarge", "UPLOAD_TOO_LARGE"),
        (Problem.exhausted("full"), 503, "resourcePoolExhausted", "ZONE_RESOURCE_POOL_EXHAUSTED"),
        (Problem.not_implemented("compute.x.y"), 501, "notImplemented", "UNSUPPORTED_OPERATION"),
        (Problem.backend("down"), 503, "backendError", "INTERNAL_ERROR"),
    ],
)
def test_each_constructor_pairs_status_reason_and_code(problem: Problem, status: int, reason: str, code: str) -> None:
    """Status, reason and operation code go together as Google pairs them."""
    assert (problem.status, problem.reason, problem.code) == (status, reason, code)


def test_in_use_names_both_sides_in_google_s_words() -> None:
    """The message names the kind of resource, the resource and its user."""
    problem = Problem.in_use("projects/p/zones/z/disks/d", "projects/p/zones/z/instances/i")
    assert problem.message == (
        "The disk resource 'projects/p/zones/z/disks/d' is already being used by 'projects/p/zones/z/instances/i'"
    )


def test_rate_limit_says_when_to_come_back() -> None:
    """429 carries Retry-After in seconds."""
    assert Problem.rate_limited("slow down", 7).headers == {"Retry-After": "7"}
