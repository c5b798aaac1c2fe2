"""`kind`, the type of Google's resources at every level. It is added here, from the document's defaults."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import msgspec

from gstack.gateway.discovery import default_kind, schema

Add = Callable[[Any], Any]


def with_kinds(name: str, answer: Any) -> Any:
    """Return an answer of the named schema with every missing `kind` added. Structs become dicts."""
    plain = answer if isinstance(answer, dict) else msgspec.to_builtins(answer)
    return _adder(name)(plain) if isinstance(plain, dict) else plain


@cache
def _adder(name: str) -> Add:
    described = schema(name)
    below = _fields(described.get("properties", {}))
    kind = default_kind(name)
    start = {"kind": kind} if kind else {}

    def add(value: Any) -> Any:
        whole = {**start, **value}
        for field, inner in value.items():
            if field in below:
                whole[field] = below[field](inner)
        return whole

    return add


def _fields(properties: Mapping[str, Any]) -> dict[str, Add]:
    found = {field: _below(inner) for field, inner in properties.items()}
    return {field: add for field, add in found.items() if add}


def _below(described: Mapping[str, Any]) -> Add | None:
    if "$ref" in described:
        return partial(with_kinds, described["$ref"]) if _has_kind(described["$ref"]) else None
    for part, shape in (("items", _in_list), ("additionalProperties", _in_map)):
        if part in described and (add := _below(described[part])):
            return shape(add)
    return None


def _in_list(add: Add) -> Add:
    return lambda values: [add(value) for value in values]


def _in_map(add: Add) -> Add:
    return lambda values: {name: add(value) for name, value in values.items()}


@cache
def _has_kind(name: str) -> bool:
    """Whether a resource of this schema has a `kind` at any level."""
    seen, waiting = {name}, [name]
    while waiting:
        current = waiting.pop()
        if default_kind(current):
            return True
        found = _references(schema(current)) - seen
        seen |= found
        waiting += found
    return False


def _references(described: Mapping[str, Any]) -> set[str]:
    found = {described["$ref"]} if "$ref" in described else set()
    parts = [described[part] for part in ("items", "additionalProperties") if part in described]
    return found.union(*map(_references, [*parts, *described.get("properties", {}).values()]))
