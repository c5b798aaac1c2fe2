"""Problem: the one error of the project, and Google's error envelope.

A Problem has two halves. The outer one (status, reason, message, location) goes to the client as Google's
v1 error envelope; the inner one (`internal`) goes to the log and never leaves the server. Raise it by its named
constructors: each stands for one reason of Google's error model, with the status Google pairs with it.
"""

from collections.abc import Mapping
from typing import Any, Self


class Problem(Exception):  # noqa: N818  # a Problem is what RFC 9457 calls it, for the client as much as for us
    """An error that a client is to see, in Google's words.

    `status` is the HTTP status, `reason` Google's camelCase reason, `code` the UPPER_SNAKE code that the same
    error has inside an operation (`Operation.error.errors[].code`).
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        code: str = "",
        location: str = "",
        location_type: str = "parameter",
        internal: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.code = code or _upper_snake(reason)
        self.location = location
        self.location_type = location_type
        self.internal = internal
        self.headers = dict(headers or {})

    @classmethod
    def invalid(cls, field: str, message: str) -> Self:
        """400: a field or parameter has a value that is not acceptable; `message` says what to send instead."""
        text = f"Invalid value for field '{field}': {message}" if field else message
        return cls(400, "invalid", text, code="INVALID_FIELD_VALUE", location=field)

    @classmethod
    def required(cls, field: str) -> Self:
        """400: a field or parameter is missing."""
        text = f"Required field '{field}' not specified"
        return cls(400, "required", text, code="REQUIRED_FIELD_MISSING", location=field)

    @classmethod
    def unsupported(cls, field: str, message: str) -> Self:
        """400: Google knows the field, this cloud cannot honour it; `message` says why and what to do."""
        text = f"Unsupported value for field '{field}': {message}"
        return cls(400, "invalid", text, code="UNSUPPORTED_OPERATION", location=field)

    @classmethod
    def bad_request(cls, message: str, reason: str = "badRequest") -> Self:
        """400: the request itself cannot be read."""
        return cls(400, reason, message)

    @classmethod
    def unauthorized(cls, message: str = "Request had invalid authentication credentials.") -> Self:
        """401: no token, or one that is unknown, ended or revoked. Never for anything else."""
        challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
        return cls(401, "authError", message, location="Authorization", location_type="header", headers=challenge)

    @classmethod
    def forbidden(cls, message: str, reason: str = "forbidden") -> Self:
        """403: the caller is known and may not do this."""
        return cls(403, reason, message, code="PERMISSION_DENIED")

    @classmethod
    def not_found(cls, resource: str) -> Self:
        """404 in Google's wording. `resource` is the relative name: `projects/p/zones/z/disks/d`."""
        text = f"The resource '{resource}' was not found"
        return cls(404, "notFound", text, code="RESOURCE_NOT_FOUND")

    @classmethod
    def already_exists(cls, resource: str) -> Self:
        """409 in Google's wording. `resource` is the relative name."""
        text = f"The resource '{resource}' already exists"
        return cls(409, "alreadyExists", text, code="RESOURCE_ALREADY_EXISTS")

    @classmethod
    def id_reused(cls) -> Self:
        """409: a requestId came again with a request that is not the one it began."""
        text = "Invalid value for field 'requestId': it was used within a day for another request. Send a new UUID."
        return cls(409, "conflict", text, code="INVALID_FIELD_VALUE", location="requestId")

    @classmethod
    def in_use(cls, resource: str, by: str) -> Self:
        """400: `resource` cannot go or change because `by` uses it."""
        text = f"The {_noun(resource)} resource '{resource}' is already being used by '{by}'"
        return cls(400, "resourceInUseByAnotherResource", text, code="RESOURCE_IN_USE_BY_ANOTHER_RESOURCE")

    @classmethod
    def not_ready(cls, resource: str, message: str = "") -> Self:
        """400: another operation has the resource, or its state forbids this now."""
        text = message or f"The resource '{resource}' is not ready"
        return cls(400, "resourceNotReady", text, code="RESOURCE_NOT_READY")

    @classmethod
    def condition_not_met(cls, message: str = "") -> Self:
        """412: the fingerprint sent is not the one of the resource as it is."""
        text = message or "Supplied fingerprint does not match current metadata fingerprint."
        return cls(412, "conditionNotMet", text, code="CONDITION_NOT_MET", location="If-Match", location_type="header")

    @classmethod
    def too_large(cls, message: str) -> Self:
        """413: a body or header beyond the server's limit."""
        return cls(413, "uploadTooLarge", message)

    @classmethod
    def exhausted(cls, message: str) -> Self:
        """503 in Google's list; here only inside operations: the cloud has no room for this now."""
        return cls(503, "resourcePoolExhausted", message, code="ZONE_RESOURCE_POOL_EXHAUSTED")

    @classmethod
    def rate_limited(cls, message: str, retry_after: int) -> Self:
        """429, with Retry-After in seconds."""
        return cls(429, "rateLimitExceeded", message, headers={"Retry-After": str(retry_after)})

    @classmethod
    def not_implemented(cls, method_id: str, why: str = "") -> Self:
        """501: a method of Google's document that is not served here; names it."""
        text = f"{method_id} is not served by this server." + (f" {why}" if why else "")
        return cls(501, "notImplemented", text, code="UNSUPPORTED_OPERATION")

    @classmethod
    def backend(cls, message: str, internal: str = "") -> Self:
        """503: CloudStack did not answer; a read may be repeated."""
        return cls(503, "backendError", message, code="INTERNAL_ERROR", internal=internal)

    @classmethod
    def internal_error(cls, internal: str) -> Self:
        """500: a fault of ours. The client learns nothing of its inside."""
        return cls(500, "backendError", "Internal error. It was recorded.", code="INTERNAL_ERROR", internal=internal)

    def envelope(self) -> dict[str, Any]:
        """Google's v1 error body (JSON error format of the Compute API)."""
        detail = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            detail |= {"locationType": self.location_type, "location": self.location}
        error: dict[str, Any] = {"code": self.status, "message": self.message, "errors": [detail]}
        if self.status in _RPC_STATUS:
            error["status"] = _RPC_STATUS[self.status]
        return {"error": error}


_RPC_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


def _upper_snake(reason: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in reason)


def _noun(resource: str) -> str:
    """`projects/p/zones/z/disks/d` -> `disk`, as Google words it."""
    parts = resource.split("/")
    return parts[-2].removesuffix("s") if len(parts) > 1 else "named"
