"""The two ways in which a command fails: CloudStack refuses it (`Refusal`), or gives no answer (`Unreachable`).

One table turns CloudStack's error codes into what the client sees. Measured on 4.23: 401 also means an unknown command,
431 a bad value or an unknown id, and 530 almost anything else. Failed jobs carry the same codes inside `jobresult`. A
reached limit is 535, but 530 inside a job, where only its text tells. The text of a 530 is often internal: it always
goes to the log, and to the client only where it is meaningful.
"""

import re

from gstack.errors import ApiError, Problem

UNAUTHORIZED, INVALID, FORBIDDEN_COMMAND, NOT_POSSIBLE = 401, 431, 432, 530
NO_PERMISSION, LIMIT, NO_CAPACITY, IN_USE, CONFLICT, MALFORMED = 531, 535, 533, 536, 537, 430

_LIMIT_TEXT = re.compile(r"maximum (amount|number) of resources of type", re.IGNORECASE)
_SILENT = ("internal error executing command", "exception", "com.cloud", "org.apache")


class Refusal(Problem):
    """CloudStack refused a command. `error_code` is CloudStack's own code, `error_text` its own text."""

    def __init__(self, command: str, error_code: int, error_text: str) -> None:
        status, reason, code, message = _outer(command, error_code, error_text)
        super().__init__(status, reason, message, code=code, internal=f"{command}: {error_code} {error_text}")
        self.command = command
        self.error_code = error_code
        self.error_text = error_text

    @property
    def missing(self) -> bool:
        """True if the command named an id that CloudStack does not know (any more)."""
        return self.error_code == INVALID and "entity does not exist" in self.error_text


class Unreachable(ApiError):  # noqa: N818  # an unknown outcome, not an error of the request
    """CloudStack did not answer, so nobody knows whether the command was done. If `sent` is False, it was not."""

    def __init__(self, command: str, why: str, *, sent: bool) -> None:
        message = "The cloud behind this server does not answer. Try again later."
        super().__init__(503, "backendError", message, code="INTERNAL_ERROR", internal=f"{command}: {why}")
        self.command = command
        self.sent = sent


_TABLE = {
    UNAUTHORIZED: (401, "authError", "UNAUTHENTICATED"),
    MALFORMED: (400, "invalid", "INVALID_FIELD_VALUE"),
    INVALID: (400, "invalid", "INVALID_FIELD_VALUE"),
    FORBIDDEN_COMMAND: (403, "forbidden", "PERMISSION_DENIED"),
    NO_PERMISSION: (403, "forbidden", "PERMISSION_DENIED"),
    NO_CAPACITY: (503, "resourcePoolExhausted", "ZONE_RESOURCE_POOL_EXHAUSTED"),
    LIMIT: (403, "quotaExceeded", "QUOTA_EXCEEDED"),
    IN_USE: (400, "resourceInUseByAnotherResource", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"),
    CONFLICT: (409, "conflict", "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"),
}


def _outer(command: str, error_code: int, text: str) -> tuple[int, str, str, str]:
    kind = LIMIT if _LIMIT_TEXT.search(text) else error_code
    status, reason, code = _TABLE.get(kind, (400, "badRequest", "OPERATION_FAILED"))
    if error_code == UNAUTHORIZED:
        return status, reason, code, "The CloudStack keys behind this token are not accepted (any more)."
    if error_code == FORBIDDEN_COMMAND:
        return status, reason, code, f"Your CloudStack role may not call {command}. Ask the cloud's administrator."
    if any(sign in text.lower() for sign in _SILENT) or not text:
        return status, reason, code, f"CloudStack could not do this ({command}, error {error_code})."
    return status, reason, code, f"CloudStack refused {command}: {text}"
