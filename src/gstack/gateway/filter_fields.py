"""A filter held against the schema of the list's resources: a field that does not exist would find nothing, in silence.

Numbers are ordered as numbers: `sizeGb > abc` is a mistake, not an empty list.
"""

from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.gateway.filters import Filter, Restriction, number

_ORDERS = {"<", ">", "<=", ">="}
_NUMBERS = {"int32", "uint32", "int64", "uint64", "float", "double"}
Described = Mapping[str, Any]


def check_fields(narrow: Filter, described: Described) -> None:
    """Refuse (Problem 400) a field that resources of this schema have not, and an order that its values have not."""
    for restriction in narrow.restrictions:
        found = _described(restriction.field, described)
        if found is None:
            raise Problem.invalid("filter", f"'{restriction.name}' is no field of this list's resources.")
        if restriction.operator in _ORDERS:
            _check_order(restriction, found)


def _check_order(restriction: Restriction, described: Described) -> None:
    if described.get("type") == "boolean":
        raise Problem.invalid("filter", f"'{restriction.name}' is true or false: compare it with = or !=.")
    if described.get("format") in _NUMBERS and number(restriction.value) is None:
        message = f"'{restriction.name}' is a number, and cannot be compared with '{restriction.value}'."
        raise Problem.invalid("filter", message)


def _described(field: tuple[str, ...], described: Described) -> Described | None:
    """Return what the schema says of a field, however deep; None where there is none of that name."""
    if "$ref" in described:
        return _described(field, schema(described["$ref"]))
    if "items" in described:
        return _described(field, described["items"])
    if not field:
        return described
    if "additionalProperties" in described:
        return _described(field[1:], described["additionalProperties"])
    inner = described.get("properties", {}).get(field[0])
    return None if inner is None else _described(field[1:], inner)
