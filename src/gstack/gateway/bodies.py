"""Request bodies: bytes -> a dict that a resource may trust, checked against the document's schema.

The check refuses what Google refuses: unknown fields, wrong types, enum values and numbers out of range, each named
with its path. What passes is Google's canonical JSON: int64 and uint64 as decimal strings, the other integers as int,
booleans as bool, whichever way the client wrote them (gcutil writes `sizeGb` as a number); nulls are gone, as absent,
but for PATCH, where a null empties a field (RFC 7396).
Output-only fields (`id`, `selfLink`, `status`) may come back from clients and are not checked.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Method
from gstack.gateway.discovery import schema
from gstack.gateway.schemas import RANGES, request_schema

_IGNORED = "ignored"  # what libcloud sends where a method takes no body
_SHOWN = 80  # characters of a bad value in a message
Reader = Callable[[str, Any], Any]  # (path, value) -> canonical value


def read_body(method: Method, raw: bytes) -> dict[str, Any]:
    """Return the body of a request for a method; empty where the method takes none.

    Problem 400 where it takes one and none came: to set labels to nothing must be said.
    """
    if method.request is None:
        return {}
    body = _decoded(raw) if raw.strip() else None
    if body is None:
        raise Problem.bad_request("The request has no body. Send a JSON object.", "required")
    if body == _IGNORED:
        return {}
    if not isinstance(body, dict):
        raise Problem.bad_request("Invalid JSON payload received. The body must be a JSON object.", "invalid")
    try:
        return check_body(method.request, _meant(method, method.request, raw, body))
    except RecursionError as error:  # no resource of Google's is so deep
        raise Problem.bad_request("Invalid JSON payload received. It is nested too deeply.", "parseError") from error


def _meant(method: Method, name: str, raw: bytes, body: dict[str, Any]) -> dict[str, Any]:
    """The body without nulls, or with what a PATCH means by them."""
    if b"null" in raw:
        body = _without_nulls(_emptied(name, body) if method.http_method == "PATCH" else body)
    if b"\\u0000" in raw:
        _refuse_nul(body)
    return body


def check_body(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body of the named schema in canonical form; Problem 400 names the first thing that is wrong."""
    if error := _first_error(name, body):
        raise _problem(error)
    read: dict[str, Any] = _reader(name)("resource", body)
    return read


def _first_error(name: str, body: dict[str, Any]) -> Any:
    try:
        return next(iter(_validator(name).iter_errors(body)), None)
    except ValueError as error:  # the checker's own limit
        raise RecursionError from error


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:  # UTF-8 that is none is a ValueError, and no DecodeError
        message = f"Invalid JSON payload received. {error}"
        raise Problem.bad_request(message, "parseError") from error


def _emptied(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The body with what its nulls mean; one of a field that cannot be empty stays, and goes with the others."""
    known = schema(name)["properties"]
    return {field: _empty(known.get(field, {})) if value is None else value for field, value in body.items()}


def _empty(described: Mapping[str, Any]) -> Any:
    if "$ref" in described or described.get("type") == "object":
        return {}
    if described.get("type") == "array":
        return []
    return "" if described.get("type") == "string" and not described.keys() & {"enum", "format"} else None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _refuse_nul(value: Any) -> None:
    for text in _texts(value):
        if "\0" in text:
            raise Problem.bad_request("Invalid JSON payload received. A string holds the character U+0000.")


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


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(request_schema(name))


def _problem(error: Any) -> Problem:
    path, kind = _path(error.instance_path), error.kind.as_dict()
    if error.kind.name == "additionalProperties":
        at = f" at '{path}'" if error.instance_path else ""
        unknown = kind["unexpected"][0]
        return Problem.bad_request(f'Invalid JSON payload received. Unknown name "{unknown}"{at}: Cannot find field.')
    return Problem.invalid(path, f"{_shown(error.instance)}. {_rule(error.kind.name, kind)}")


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
    return _compiled(schema(name)) or _as_is


def _compiled(described: Mapping[str, Any]) -> Reader | None:
    if described.get("readOnly"):
        return None
    if "$ref" in described:
        return _later(described["$ref"])
    if "properties" in described:
        return _object_reader(described["properties"])
    if "additionalProperties" in described:
        return _map_reader(described["additionalProperties"])
    if "items" in described:
        return _list_reader(described["items"])
    return _scalar_reader(described)


def _later(name: str) -> Reader:
    """A reader found at its first use: schemas refer to each other in circles."""

    def read(path: str, value: Any) -> Any:
        return _reader(name)(path, value)

    return read


def _scalar_reader(described: Mapping[str, Any]) -> Reader | None:
    form = described.get("format", "")
    if form in RANGES:
        shape: Callable[[int], Any] = str if described["type"] == "string" else int
        return _integer_reader(form, shape)
    return _boolean if described["type"] == "boolean" else None


def _object_reader(properties: Mapping[str, Any]) -> Reader:
    compiled = {name: _compiled(inner) for name, inner in properties.items()}
    readers = {name: reader for name, reader in compiled.items() if reader}
    readers |= {name: _text for name in ("IPProtocol",) if name in properties}  # gcutil: a number

    def read(path: str, value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: readers[name](f"{path}.{name}", inner) if name in readers else inner for name, inner in value.items()
        }

    return read


def _map_reader(described: Mapping[str, Any]) -> Reader | None:
    reader = _compiled(described)
    if reader is None:
        return None
    return lambda path, value: {name: reader(f"{path}.{name}", inner) for name, inner in value.items()}


def _list_reader(described: Mapping[str, Any]) -> Reader | None:
    reader = _compiled(described)
    if reader is None:
        return None
    return lambda path, value: [reader(f"{path}[{at}]", inner) for at, inner in enumerate(value)]


def _integer_reader(form: str, shape: Callable[[int], Any]) -> Reader:
    low, high = RANGES[form]

    def read(path: str, value: Any) -> Any:
        number = int(value)
        if not low <= number <= high:
            raise Problem.invalid(path, f"{_shown(value)}. Must be between {low} and {high}.")
        return shape(number)

    return read


def _boolean(_: str, value: Any) -> bool:
    return value is True or value == "true"


def _text(_: str, value: Any) -> str:
    return str(value)


def _as_is(_: str, value: Any) -> Any:
    return value
