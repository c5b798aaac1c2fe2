"""Request bodies: bytes -> a dict that a resource may trust, checked against Google's discovery document.

A body passes three steps, each driven by the schema of its method:

* Cleaning takes away what means nothing: nulls, empty strings where only other values have a meaning (enums, numbers,
  lists), and unknown fields. Google ignores these as well, and its clients rely on it. Each unknown field is reported,
  so that the caller can warn about a typo.
* The check refuses wrong types, enum values and numbers out of range with Problem 400, which names the field's path.
* Reading brings the rest into Google's canonical JSON: int64 and uint64 as decimal strings, other integers as int,
  booleans as bool, however the client wrote them (gcutil writes `sizeGb` as a number).

In a PATCH, a null empties a field (RFC 7396). Output-only fields (`id`, `selfLink`, `status`) are not looked at,
because clients send back what they have read.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Method
from gstack.gateway.discovery import schema
from gstack.gateway.schemas import RANGES, request_schema

_IGNORED = "ignored"  # libcloud sends this word where a method takes no body
_SHOWN = 80  # characters of a bad value in a message
_REPORTED = 10  # unknown fields of a body at most
_LONGEST_NAME = 64  # characters of an unknown name for which a similar one is looked for
_SIMILAR = 0.75  # of difflib's ratio
_ALWAYS_CHECKED = {"name", "key"}  # an empty one is malformed, not unset
Described = Mapping[str, Any]
Reader = Callable[[str, Any], Any]  # (path, value) -> canonical value


class Unknown(msgspec.Struct, frozen=True):
    """A field that the schema does not have. `similar` is the name that was probably meant, or empty."""

    path: str
    similar: str = ""


class Body(msgspec.Struct, frozen=True):
    """A body in canonical form, and the unknown fields that it came with."""

    fields: dict[str, Any]
    unknown: tuple[Unknown, ...] = ()


def read_body(method: Method, raw: bytes) -> Body:
    """Return the body of a request for a method; an empty one if the method takes none.

    Problem 400 if the method takes a body and none came: only an explicit `{}` may, for example, remove all labels.
    """
    if method.request is None:
        return Body({})
    body = _decoded(raw) if raw.strip() else None
    if body is None:
        raise Problem.bad_request("The request has no body. Send a JSON object.", "required")
    if body == _IGNORED:
        return Body({})
    if not isinstance(body, dict):
        raise Problem.bad_request("Invalid JSON payload received. The body must be a JSON object.", "invalid")
    try:
        if b"\\u0000" in raw and any("\0" in text for text in _texts(body)):
            raise Problem.bad_request("Invalid JSON payload received. A string contains the character U+0000.")
        if method.http_method == "PATCH":
            body = _emptied(schema(method.request)["properties"], body)
        return check_body(method.request, body)
    except RecursionError as error:  # no resource of Google's is so deep
        raise Problem.bad_request("Invalid JSON payload received. It is nested too deeply.", "parseError") from error


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:  # malformed UTF-8 is a plain ValueError
        raise Problem.bad_request(f"Invalid JSON payload received. {error}", "parseError") from error


def check_body(name: str, body: dict[str, Any]) -> Body:
    """Return a body of the named schema in canonical form. Problem 400 names the first thing that is wrong."""
    unknown: list[Unknown] = []
    cleaned = _cleaned(schema(name), body, "resource", unknown)
    try:
        error = next(iter(_validator(name).iter_errors(cleaned)), None)
    except ValueError as deep:  # the validator's own limit
        raise RecursionError from deep
    if error:
        path, kind = _path(error.instance_path), error.kind.as_dict()
        raise Problem.invalid(path, f"{_shown(error.instance)}. {_rule(error.kind.name, kind)}")
    fields: dict[str, Any] = _reader(name)("resource", cleaned)
    return Body(fields, tuple(unknown))


def _emptied(properties: Described, body: dict[str, Any]) -> dict[str, Any]:
    """Replace each null of a PATCH by the empty value of its field. A null without an empty value stays."""

    def empty(described: Described) -> Any:
        if "$ref" in described or described.get("type") == "object":
            return {}
        if described.get("type") == "array":
            return []
        return "" if described.get("type") == "string" and not described.keys() & {"enum", "format"} else None

    return {name: empty(properties.get(name, {})) if value is None else value for name, value in body.items()}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _cleaned(described: Described, value: Any, path: str, unknown: list[Unknown]) -> Any:
    """Return the value without what means nothing. A value of the wrong type is returned as it is, for the check."""
    if described.get("readOnly"):
        return value
    if "$ref" in described:
        described = schema(described["$ref"])
    if isinstance(value, dict) and "properties" in described:
        return _cleaned_object(described["properties"], value, path, unknown)
    if isinstance(value, dict) and "additionalProperties" in described:
        inner = described["additionalProperties"]
        sent = {name: one for name, one in value.items() if one is not None}
        return {name: _cleaned(inner, one, f"{path}.{name}", unknown) for name, one in sent.items()}
    if isinstance(value, list) and "items" in described:
        inner = described["items"]
        return [
            _cleaned(inner, one, f"{path}[{at}]", unknown) for at, one in enumerate(value) if not _unset(inner, one)
        ]
    return value


def _cleaned_object(properties: Described, value: dict[str, Any], path: str, unknown: list[Unknown]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, inner in value.items():
        described = properties.get(name)
        if described is None:
            if len(unknown) < _REPORTED:
                unknown.append(Unknown(f"{path}.{name}"[: 2 * _SHOWN], _similar(name, properties)))
        elif name == "IPProtocol" and isinstance(inner, int):  # gcutil sends the number
            cleaned[name] = str(inner)
        elif not _unset(described, inner) and not (inner == "" and _has_pattern(name, described)):
            cleaned[name] = _cleaned(described, inner, f"{path}.{name}", unknown)
    return cleaned


def _unset(described: Described, value: Any) -> bool:
    """Whether a value means the same as no value: null, and an empty string in an enum, a number or a list."""
    if value != "":
        return value is None
    return "enum" in described or described.get("format") in RANGES or described.get("type") == "array"


def _has_pattern(name: str, described: Described) -> bool:
    return "pattern" in described and name not in _ALWAYS_CHECKED


def _similar(name: str, properties: Described) -> str:
    """Return the property that an unknown name was probably meant to be, or an empty string."""
    by_lower = {one.lower(): one for one in properties}
    plain = name.replace("_", "").replace("-", "").lower()
    if plain in by_lower or len(plain) > _LONGEST_NAME:
        return by_lower.get(plain, "")
    return next((by_lower[one] for one in difflib.get_close_matches(plain, by_lower, 1, _SIMILAR)), "")


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(request_schema(name))


def _rule(name: str, kind: Mapping[str, Any]) -> str:
    if name == "enum":
        return f"Must be one of [{', '.join(kind['options'])}]."
    if name == "type":
        return f"Must be of type {' or '.join(kind['types'])}."
    if name in {"minimum", "maximum"}:
        return f"Must be {'at least' if name == 'minimum' else 'at most'} {kind['limit']}."
    return f"Must be a match of regex '{kind['pattern'].removeprefix('^(?:').removesuffix(')$')}'"


def _path(steps: list[str | int]) -> str:
    return "resource" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _shown(value: Any) -> str:
    text = f"'{value}'" if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


@cache
def _reader(name: str) -> Reader:
    return _compiled(schema(name)) or (lambda _path, value: value)


def _compiled(described: Described) -> Reader | None:
    """Return the reader of a schema's values, or None if they need none."""
    if described.get("readOnly"):
        return None
    if "$ref" in described:
        return _later(described["$ref"])
    if "properties" in described:
        return _object_reader(described["properties"])
    if "additionalProperties" in described:
        entry = _compiled(described["additionalProperties"])
        return entry and (lambda path, value: {name: entry(f"{path}.{name}", one) for name, one in value.items()})
    if "items" in described:
        item = _compiled(described["items"])
        return item and (lambda path, value: [item(f"{path}[{at}]", one) for at, one in enumerate(value)])
    form = described.get("format", "")
    if form in RANGES:
        return _integer_reader(form, str if described["type"] == "string" else int)
    return (lambda _path, value: value is True or value == "true") if described["type"] == "boolean" else None


def _later(name: str) -> Reader:
    """Return a reader that is compiled at its first use, because schemas refer to each other in circles."""

    def read(path: str, value: Any) -> Any:
        return _reader(name)(path, value)

    return read


def _object_reader(properties: Described) -> Reader:
    compiled = {name: _compiled(inner) for name, inner in properties.items()}
    readers = {name: reader for name, reader in compiled.items() if reader}

    def read(path: str, value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: readers[name](f"{path}.{name}", inner) if name in readers else inner for name, inner in value.items()
        }

    return read


def _integer_reader(form: str, shape: Callable[[int], Any]) -> Reader:
    low, high = RANGES[form]

    def read(path: str, value: Any) -> Any:
        number = int(value)
        if not low <= number <= high:
            raise Problem.invalid(path, f"{_shown(value)}. Must be between {low} and {high}.")
        return shape(number)

    return read
