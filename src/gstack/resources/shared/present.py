"""The fields of an object that are not empty. Pure.

Google leaves out empty fields. We do the same in answers, in the facts of the sidecar and in parameters for CloudStack.
"""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

_EMPTY: tuple[object, ...] = (None, "", [], {}, ())


def present(fields: Mapping[str, T | None]) -> dict[str, T]:
    """Return the fields without those that are None or an empty string, list or object. 0 and False are values."""
    return {name: value for name, value in fields.items() if value is not None and value not in _EMPTY}
