"""CloudStack's refusals as clients see them."""

import pytest

from gstack.cloudstack.errors import Refusal, Unreachable
from gstack.errors import ApiError, Problem


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (401, 401, "authError"),
        (430, 400, "invalid"),
        (431, 400, "invalid"),
        (432, 403, "forbidden"),
        (530, 400, "badRequest"),
        (531, 403, "forbidden"),
        (533, 503, "resourcePoolExhausted"),
        (535, 403, "quotaExceeded"),
        (536, 400, "resourceInUseByAnotherResource"),
        (537, 409, "conflict"),
    ],
)
def test_each_code_has_its_problem(code: int, status: int, reason: str) -> None:
    """The table of codes, as measured on CloudStack 4.23."""
    refusal = Refusal("createVolume", code, "a reason in plain words")
    assert (refusal.status, refusal.reason) == (status, reason)
    assert refusal.internal == f"createVolume: {code} a reason in plain words"


def test_internal_texts_are_not_shown() -> None:
    """The generic text and class names go to the log only."""
    for text in ("Internal error executing command, please contact your system administrator", "com.cloud.x.Y", ""):
        assert "Internal" not in Refusal("deployVirtualMachine", 530, text).message
        assert "com.cloud" not in Refusal("deployVirtualMachine", 530, text).message


@pytest.mark.parametrize("amount", ["amount", "number"])
def test_a_limit_inside_a_job_is_a_quota_too(amount: str) -> None:
    """Jobs fail with 530 where a limit is reached; the text, of old and new CloudStacks, tells it."""
    refusal = Refusal("resizeVolume", 530, f"Maximum {amount} of resources of Type = 'volume' for Account …")
    assert (refusal.status, refusal.reason, refusal.code) == (403, "quotaExceeded", "QUOTA_EXCEEDED")


def test_a_missing_id_is_known_as_such() -> None:
    """431 stands for bad values and for ids of nothing; only the latter is `missing`."""
    nothing = "Invalid parameter id value=x due to incorrect long value format, or entity does not exist or due to …"
    assert Refusal("listVolumes", 431, nothing).missing
    assert not Refusal("listVolumes", 431, "Invalid CIDR").missing


def test_no_answer_is_503_and_says_whether_it_was_sent() -> None:
    """A read may be repeated; what was sent must be looked for first."""
    silence = Unreachable("createVolume", "connection reset", sent=True)
    assert (silence.status, silence.reason, silence.sent) == (503, "backendError", True)
    assert "reset" not in silence.message


def test_no_answer_is_not_a_refusal() -> None:
    """What undoes work catches Problem, so silence passes it; what renders errors catches both."""
    assert issubclass(Refusal, Problem)
    assert not issubclass(Unreachable, Problem)
    assert issubclass(Unreachable, ApiError)
