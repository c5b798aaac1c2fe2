"""CloudStack's refusals: one exception that carries what CloudStack puts into `errorresponse` and `jobresult`.

`code` is the HTTP status and `errorcode`; `cserrorcode` names CloudStack's exception class (9999 for most).
The named constructors are CloudStack's own exception classes, with the codes as recorded on 4.23.
"""

from __future__ import annotations

from typing import Any


class CloudStackError(Exception):
    """A refusal, as CloudStack words it."""

    def __init__(self, code: int, text: str, cserrorcode: int | None = 9999) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.cserrorcode = cserrorcode
        self.keeps = False  # True: what the command did before it failed stays done

    def body(self) -> dict[str, Any]:
        """Return what CloudStack answers under `<command>response`."""
        answer: dict[str, Any] = {"uuidList": [], "errorcode": self.code}
        if self.cserrorcode is not None:
            answer["cserrorcode"] = self.cserrorcode
        answer["errortext"] = self.text
        return answer


def unauthorized(text: str = "unable to verify user credentials and/or request signature") -> CloudStackError:
    return CloudStackError(401, text, None)


def parameter_error(text: str) -> CloudStackError:
    """CloudStack's ServerApiException with PARAM_ERROR: a parameter that could not be read at all."""
    return CloudStackError(431, text)


def invalid(text: str) -> CloudStackError:
    """CloudStack's InvalidParameterValueException: a parameter that was read and is not acceptable."""
    return CloudStackError(431, text, 4350)


def missing_entity(command: str, name: str, value: str) -> CloudStackError:
    return parameter_error(
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {name} "
        f"value={value} due to incorrect long value format, or entity does not exist or due to incorrect "
        "parameter annotation for the field in api cmd class."
    )


def denied(
    text: str = "Caller does not have permission to operate with provided resource.",
) -> CloudStackError:
    """CloudStack's PermissionDeniedException."""
    return CloudStackError(531, text, 4365)


def in_use(text: str) -> CloudStackError:
    """CloudStack's ResourceInUseException."""
    return CloudStackError(536, text)


def conflict(text: str, cserrorcode: int = 9999) -> CloudStackError:
    """CloudStack's NetworkRuleConflictException."""
    return CloudStackError(537, text, cserrorcode)


def runtime(text: str) -> CloudStackError:
    """CloudStack's CloudRuntimeException inside a job: its text is shown there."""
    return CloudStackError(530, text)


def internal() -> CloudStackError:
    """CloudStack's CloudRuntimeException outside of a job: the text is hidden from ordinary users."""
    return CloudStackError(530, "Internal error executing command, please contact your system administrator", 4250)


def limit_reached(text: str) -> CloudStackError:
    """CloudStack's ResourceAllocationException."""
    return CloudStackError(535, text)
