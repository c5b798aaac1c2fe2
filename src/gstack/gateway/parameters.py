"""Path and query parameters: text -> checked Python values, as the discovery document describes each.

Integers (int64 too) become int, booleans bool, and repeated parameters lists. The document's defaults are filled in.
Unknown query parameters are ignored and empty ones count as absent, because clients send them: gcloud sends
`includeAllScopes=True`, and Ansible `deletionProtection=None`, which means false.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Method
from gstack.gateway.discovery import PATH_NAME, methods

Reader = Callable[[str, str], Any]  # (name, text) -> value
Query = Mapping[str, str | list[str]]

_RANGES = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1)}
_BOOLEANS = {"true": True, "false": False, "none": False}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_RESULTS = 500
_GOOGLE_NAME = "[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?|[1-9][0-9]{0,19}"  # Google's pattern for names and ids in paths


class _Parameter(msgspec.Struct, frozen=True):
    name: str
    path: bool
    required: bool
    repeated: bool
    read: Reader
    default: Any


def read_parameters(method: Method, path: Mapping[str, str], query: Query) -> dict[str, Any]:
    """Return the method's parameters, checked and converted. Problem 400 names the first one that is wrong."""
    values: dict[str, Any] = {}
    for parameter in _parameters(method.id):
        value = (
            parameter.read(parameter.name, path[parameter.name]) if parameter.path else _query_value(parameter, query)
        )
        if value is not None:
            values[parameter.name] = value
    return values


def _query_value(parameter: _Parameter, query: Query) -> Any:
    sent = query.get(parameter.name)
    texts = [text for text in ([sent] if isinstance(sent, str) else sent or []) if text]
    if not texts:
        if parameter.required:
            raise Problem.required(parameter.name)
        return parameter.default
    if parameter.repeated:
        return [parameter.read(parameter.name, text) for text in texts]
    if len(texts) > 1:
        raise Problem.invalid(parameter.name, "it was sent more than once. Send it once.")
    return parameter.read(parameter.name, texts[0])


@cache
def _parameters(method_id: str) -> tuple[_Parameter, ...]:
    described = methods()[method_id].parameters
    path_first = sorted(described.items(), key=lambda item: item[1]["location"] != "path")
    return tuple(_parameter(name, facts) for name, facts in path_first)


def _parameter(name: str, facts: Mapping[str, Any]) -> _Parameter:
    read = _reader(name, facts)
    default = facts.get("default")
    return _Parameter(
        name=name,
        path=facts["location"] == "path",
        required=facts.get("required", False),
        repeated=facts.get("repeated", False),
        read=read,
        default=None if default is None else read(name, default),
    )


def _reader(name: str, facts: Mapping[str, Any]) -> Reader:
    kind = facts["type"]
    if facts["location"] == "path":
        return _path_reader(facts.get("pattern") or PATH_NAME)
    if kind == "boolean":
        return _boolean
    if kind == "number":
        return _number
    if kind == "integer" or facts.get("format") in _RANGES:
        return _integer_reader(name, facts)
    if name == "requestId":
        return _request_id
    return _text_reader(facts)


def _path_reader(pattern: str) -> Reader:
    """Accept what may be a name of Google's or of CloudStack's. The message for the rest is Google's."""
    matches = re.compile(pattern, re.ASCII).fullmatch
    shown = _GOOGLE_NAME if pattern == PATH_NAME else pattern

    def read(name: str, text: str) -> str:
        if not matches(text) or text.isspace() or _CONTROL.search(text):
            raise Problem.invalid(name, f"'{_CONTROL.sub('?', text[:80])}'. Must be a match of regex '{shown}'")
        return text

    return read


def _boolean(name: str, text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise Problem.invalid(name, f"'{text}'. Must be true or false.") from None


def _number(name: str, text: str) -> float:
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text):
        raise Problem.invalid(name, f"'{text}'. Must be a number.")
    return float(text)


def _integer_reader(name: str, facts: Mapping[str, Any]) -> Reader:
    low, high = _RANGES[facts["format"]]
    low, high = int(facts.get("minimum", low)), int(facts.get("maximum", high))
    if name == "maxResults":
        high = _MOST_RESULTS  # the document gives this limit only in prose

    def read(name: str, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,20}", text, re.ASCII) or not low <= int(text) <= high:
            raise Problem.invalid(name, f"'{text}'. Must be a whole number between {low} and {high}.")
        return int(text)

    return read


def _request_id(name: str, text: str) -> str:
    """Accept a UUID that is not zero, as the document demands in prose."""
    if not _UUID.fullmatch(text) or not text.strip("0-"):
        raise Problem.invalid(name, f"'{text[:80]}'. Must be a UUID that is not zero.")
    return text


def _text_reader(facts: Mapping[str, Any]) -> Reader:
    pattern, allowed = facts.get("pattern"), facts.get("enum")
    matches = re.compile(pattern, re.ASCII).fullmatch if pattern else None

    def read(name: str, text: str) -> str:
        if _CONTROL.search(text):
            raise Problem.invalid(name, "control characters are not allowed.")
        if allowed and text not in allowed:
            raise Problem.invalid(name, f"'{text}'. Must be one of {', '.join(allowed)}.")
        if matches and not matches(text):
            raise Problem.invalid(name, f"'{text}'. Must be a match of regex '{pattern}'")
        return text

    return read
