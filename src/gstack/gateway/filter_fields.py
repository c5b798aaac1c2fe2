"""The fields of a filter, checked against the schema of the list's resources.

A mistake is a Problem 400, because a list that is empty for no visible reason helps nobody: a field that does not
exist, a number compared with a word, an object compared with anything. Google reads snake_case names as well
(`guest_cpus` for `guestCpus`), so they are resolved to the names that resources have.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.gateway.filters import Resolve, Restriction, number

_ORDERS = {"<", ">", "<=", ">="}
_NUMBERS = {"int32", "uint32", "int64", "uint64", "float", "double"}
Described = Mapping[str, Any]


def resolver(described: Described) -> Resolve:
    """Return a function that checks a restriction on resources of this schema, and gives its field the real name."""

    def resolve(restriction: Restriction) -> Restriction:
        found = _find(restriction.field, described)
        if found is None:
            raise Problem.invalid("filter", f"the resources of this list have no field '{restriction.name}'.")
        field, value = found
        _check_comparison(restriction, value)
        return msgspec.structs.replace(restriction, field=field)

    return resolve


def _check_comparison(restriction: Restriction, described: Described) -> None:
    name, value = restriction.name, restriction.value
    if "properties" in described or "additionalProperties" in described:
        is_map = "additionalProperties" in described
        if restriction.operator == ":" and (is_map or value == "*"):  # has this key; is not empty
            return
        message = f"'{name}' is an object and cannot be compared with '{value}'. Name one of its fields: {name}.…"
        raise Problem.invalid("filter", message)
    if restriction.operator not in _ORDERS:
        return
    if described.get("type") == "boolean":
        raise Problem.invalid("filter", f"'{name}' is true or false. Compare it with = or !=.")
    if described.get("format") in _NUMBERS and number(value) is None:
        raise Problem.invalid("filter", f"'{name}' is a number and cannot be compared with '{value}'.")


def _find(field: tuple[str, ...], described: Described) -> tuple[tuple[str, ...], Described] | None:
    """Return a field's real name and its schema, however deep it lies. None if there is no such field."""
    if "$ref" in described:
        return _find(field, schema(described["$ref"]))
    if "items" in described:
        return _find(field, described["items"])
    if not field:
        return (), described
    if "additionalProperties" in described:
        name, inner = field[0], described["additionalProperties"]
    else:
        properties = described.get("properties", {})
        name = field[0] if field[0] in properties else _from_snake_case(field[0], properties)
        inner = properties.get(name)
    below = None if inner is None else _find(field[1:], inner)
    return below and ((name, *below[0]), below[1])


def _from_snake_case(name: str, properties: Described) -> str:
    """`nat_ip` -> `natIP`, if there is such a property."""
    flat = name.replace("_", "").lower()
    return next((one for one in properties if "_" in name and one.lower() == flat), name)
