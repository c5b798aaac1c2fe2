"""The discovery document's schemas as JSON Schema, in one form for requests and another for answers.

The form for requests accepts several spellings of a number and does not look at output-only fields. The form for
answers accepts only what Google's clients parse; the tests check every answer of ours with it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gstack.gateway.discovery import schema

RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_CLOUDSTACK_NAMES = {"Zone", "Region"}  # CloudStack gives their names, so Google's pattern does not apply
Described = Mapping[str, Any]
Translate = Callable[[Described], dict[str, Any]]


def request_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a request body."""
    return _whole(name, _request)


def answer_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an answer."""
    return _whole(name, _answer)


def _whole(name: str, translate: Translate) -> dict[str, Any]:
    defs: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in defs:
            described = _described(current)
            defs[current] = translate(described)
            waiting += _references(described)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"#/$defs/{name}", "$defs": defs}


def _described(name: str) -> Described:
    found = schema(name)
    if name not in _CLOUDSTACK_NAMES:
        return found
    named = {key: value for key, value in found["properties"]["name"].items() if key != "pattern"}
    return found | {"properties": found["properties"] | {"name": named}}


def _references(described: Described) -> Iterator[str]:
    if "$ref" in described:
        yield described["$ref"]
    for inner in described.get("properties", {}).values():
        yield from _references(inner)
    for part in ("items", "additionalProperties"):
        if part in described:
            yield from _references(described[part])


def _request(described: Described) -> dict[str, Any]:
    if described.get("readOnly"):
        return {}
    return _composed(described, _request) or _request_scalar(described)


def _answer(described: Described) -> dict[str, Any]:
    return _composed(described, _answer) or _answer_scalar(described)


def _composed(described: Described, translate: Translate) -> dict[str, Any] | None:
    if "$ref" in described:
        return {"$ref": f"#/$defs/{described['$ref']}"}
    if "items" in described:
        return {"type": "array", "items": translate(described["items"])}
    if described["type"] == "object":
        return _object(described, translate)
    return None


def _object(described: Described, translate: Translate) -> dict[str, Any]:
    if described.get("format") == "google.protobuf.Any":
        return {"type": "object"}
    if "additionalProperties" in described:
        return {"type": "object", "additionalProperties": translate(described["additionalProperties"])}
    properties = {name: translate(inner) for name, inner in described.get("properties", {}).items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _request_scalar(described: Described) -> dict[str, Any]:
    form, kind = described.get("format", ""), described["type"]
    if form in RANGES:
        low, high = RANGES[form]
        return {"type": ["integer", "string"], "minimum": low, "maximum": high, "pattern": "^(?:-?[0-9]{1,20})$"}
    if kind == "boolean":
        return {"type": ["boolean", "string"], "pattern": "^(?:true|false)$"}
    return _answer_scalar(described)


def _answer_scalar(described: Described) -> dict[str, Any]:
    form, kind = described.get("format", ""), described["type"]
    if form in RANGES and kind == "integer":
        low, high = RANGES[form]
        return {"type": "integer", "minimum": low, "maximum": high}
    if form in RANGES:
        return {"type": "string", "pattern": "^-?[0-9]{1,20}$"}
    if kind == "any":
        return {}
    text: dict[str, Any] = {"type": kind}
    if "enum" in described:
        text["enum"] = described["enum"]
    if form == "byte":
        text["pattern"] = "^(?:[A-Za-z0-9+/_=-]*)$"
    elif "pattern" in described:
        text["pattern"] = f"^(?:{described['pattern']})$"
    return text
