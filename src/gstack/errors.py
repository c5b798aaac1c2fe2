"""The errors that a client sees, and Google's error envelope.

An `ApiError` has two halves. The outer half (status, reason, message, location) goes to the client in Google's v1 error
envelope. The inner half (`internal`) goes to the log and never leaves the server.

There are two kinds, and neither is a kind of the other. A `Problem` is a no: the request is wrong or was refused.
`cloudstack.errors.Unreachable` is silence: nobody knows whether the command was done. What renders errors catches
`ApiError`; what undoes work catches `Problem`, because nothing may be undone while the outcome is unknown.
"""

import re
from collections.abc import Mapping
from typing import Any, Self


class ApiError(Exception):
    """An error that a client sees, in Google's words.

    `status` is the HTTP status, `reason` Google's camelCase reason, and `code` the UPPER_SNAKE code of the same error
    inside an operation (`Operation.error.errors[].code`).
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

    def envelope(self) -> dict[str, Any]:
        """Return Google's v1 error body (the JSON error format of the Compute API)."""
        detail = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            detail |= {"locationType": self.location_type, "location": self.location}
        error: dict[str, Any] = {"code": self.status, "message": self.message, "errors": [detail]}
        if self.status in _RPC_STATUS:
            error["status"] = _RPC_STATUS[self.status]
        return {"error": error}


class Problem(ApiError):  # noqa: N818  # RFC 9457 calls it a problem, for the client as much as for us
    """A request that is wrong, or that this server or CloudStack refuses.

    Raise it by a named constructor: each stands for one reason of Google's error model, with the status that Google
    pairs with it.
    """

    @classmethod
    def invalid(cls, field: str, message: str) -> Self:
        """400: a field or parameter has an unacceptable value; `message` says what to send instead."""
        text = f"Invalid value for field '{field}': {message}" if field else message
        return cls(400, "invalid", text, code="INVALID_FIELD_VALUE", location=field)

    @classmethod
    def required(cls, field: str) -> Self:
        """400: a field or parameter is missing."""
        text = f"Required field '{field}' not specified"
        return cls(400, "required", text, code="REQUIRED_FIELD_MISSING", location=field)

    @classmethod
    def unsupported(cls, field: str, message: str) -> Self:
        """400: Google knows the field, but this cloud cannot honour it; `message` says why and what to do."""
        text = f"Unsupported value for field '{field}': {message}"
        return cls(400, "invalid", text, code="UNSUPPORTED_OPERATION", location=field)

    @classmethod
    def bad_request(cls, message: str, reason: str = "badRequest") -> Self:
        """400: the request cannot be read."""
        return cls(400, reason, message)

    @classmethod
    def unauthorized(cls, message: str = "Request had invalid authentication credentials.") -> Self:
        """401: the token is missing, unknown, expired or revoked. Use it for nothing else."""
        challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
        return cls(401, "authError", message, location="Authorization", location_type="header", headers=challenge)

    @classmethod
    def forbidden(cls, message: str, reason: str = "forbidden") -> Self:
        """403: the caller is known but may not do this."""
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
        """409: the same requestId came with a different request."""
        text = "Invalid value for field 'requestId': it was used within a day for another request. Send a new UUID."
        return cls(409, "conflict", text, code="INVALID_FIELD_VALUE", location="requestId")

    @classmethod
    def in_use(cls, resource: str, by: str) -> Self:
        """400: `resource` cannot be deleted or changed because `by` uses it."""
        text = f"The {_noun(resource)} resource '{resource}' is already being used by '{by}'"
        return cls(400, "resourceInUseByAnotherResource", text, code="RESOURCE_IN_USE_BY_ANOTHER_RESOURCE")

    @classmethod
    def not_ready(cls, resource: str, message: str = "") -> Self:
        """400: another operation works on the resource, or its state does not allow this now."""
        text = message or f"The resource '{resource}' is not ready"
        return cls(400, "resourceNotReady", text, code="RESOURCE_NOT_READY")

    @classmethod
    def condition_not_met(cls, message: str = "") -> Self:
        """412: the fingerprint in the request is not the resource's current one."""
        text = message or "Supplied fingerprint does not match current metadata fingerprint."
        return cls(412, "conditionNotMet", text, code="CONDITION_NOT_MET", location="If-Match", location_type="header")

    @classmethod
    def too_large(cls, message: str) -> Self:
        """413: a body or header exceeds the server's limit."""
        return cls(413, "uploadTooLarge", message)

    @classmethod
    def exhausted(cls, message: str) -> Self:
        """503: the cloud has no capacity for this now. Only operations fail with it."""
        return cls(503, "resourcePoolExhausted", message, code="ZONE_RESOURCE_POOL_EXHAUSTED")

    @classmethod
    def rate_limited(cls, message: str, retry_after: int) -> Self:
        """429, with `retry_after` in seconds."""
        return cls(429, "rateLimitExceeded", message, headers={"Retry-After": str(retry_after)})

    @classmethod
    def not_implemented(cls, method_id: str, why: str = "") -> Self:
        """501: Google's document has the method, but this server does not serve it."""
        text = f"{method_id} is not served by this server." + (f" {why}" if why else "")
        return cls(501, "notImplemented", text, code="UNSUPPORTED_OPERATION")

    @classmethod
    def backend(cls, message: str, internal: str = "") -> Self:
        """503: something that this server needs is unavailable for now; a read may be repeated."""
        return cls(503, "backendError", message, code="INTERNAL_ERROR", internal=internal)

    @classmethod
    def internal_error(cls, internal: str) -> Self:
        """500: a fault of this server. Details go to the log, not to the client."""
        return cls(500, "backendError", "Internal error. It was recorded.", code="INTERNAL_ERROR", internal=internal)


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
    """Return the noun in Google's wording: `disk` for `projects/p/zones/z/disks/d`."""
    parts = resource.split("/")
    return re.sub(r"(ss)es$|s$", r"\1", parts[-2]) if len(parts) > 1 else "named"
