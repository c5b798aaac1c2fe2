"""Partial responses: the `fields` parameter in Google's syntax, `items(name,disks/source),nextPageToken`.

`a/b` and `a(b,c)` select fields of `a`. `*` means every field. A list is selected from item by item. As with Google, a
name that the answer's schema does not have is refused.
"""

import re
from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.discovery import schema

Selection = dict[str, "Selection"]  # an empty one selects everything below

_TOKEN = re.compile(r"\s*([A-Za-z0-9_$.-]+|\*|[(),/])\s*")
_LONGEST, _DEEPEST = 4096, 32


def parse_fields(text: str, response: str | None) -> Selection:
    """Parse `fields` and check it against the schema of the response. An empty selection means everything."""
    if not text or response is None:
        return {}
    selection = _Parser(text).whole()
    _check(selection, {"$ref": response})
    return selection


def select(value: Any, selection: Selection) -> Any:
    """Return the selected part of an answer."""
    if not selection:
        return value
    if isinstance(value, list):
        return [select(inner, selection) for inner in value]
    if not isinstance(value, Mapping):
        return value
    if "*" in selection:
        return {name: select(inner, selection.get(name, selection["*"])) for name, inner in value.items()}
    return {name: select(value[name], inner) for name, inner in selection.items() if name in value}


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise Problem.invalid("fields", f"it is longer than {_LONGEST} characters.")
        self._tokens = self._split(text)
        self._at = 0

    @staticmethod
    def _split(text: str) -> list[str]:
        tokens, at = [], 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise Problem.invalid("fields", f"unexpected character at position {at}.")
            tokens.append(found[1])
            at = found.end()
        return [*tokens, ""]

    def whole(self) -> Selection:
        selection = self._list(0)
        if self._tokens[self._at]:
            raise self._wrong()
        return selection

    def _list(self, depth: int) -> Selection:
        if depth > _DEEPEST:
            raise Problem.invalid("fields", f"it is nested deeper than {_DEEPEST} levels.")
        selection: Selection = {}
        while True:
            name, inner = self._field(depth)
            selection[name] = _merged(selection[name], inner) if name in selection else inner
            if not self._take(","):
                return selection

    def _field(self, depth: int) -> tuple[str, Selection]:
        name = self._tokens[self._at]
        if not name or name in "(),/":
            raise self._wrong()
        self._at += 1
        if self._take("/"):
            if depth > _DEEPEST:
                raise Problem.invalid("fields", f"it is nested deeper than {_DEEPEST} levels.")
            below, inner = self._field(depth + 1)
            return name, {below: inner}
        if not self._take("("):
            return name, {}
        inner = self._list(depth + 1)
        if not self._take(")"):
            raise self._wrong()
        return name, inner

    def _take(self, token: str) -> bool:
        if self._tokens[self._at] != token:
            return False
        self._at += 1
        return True

    def _wrong(self) -> Problem:
        token = self._tokens[self._at]
        return Problem.invalid("fields", f"unexpected '{token}'." if token else "unexpected end.")


def _merged(one: Selection, other: Selection) -> Selection:
    if not one or not other:
        return {}
    merged = dict(one)
    for name, inner in other.items():
        merged[name] = _merged(merged[name], inner) if name in merged else inner
    return merged


def _check(selection: Selection, described: Mapping[str, Any]) -> None:
    described = _object_schema(described)
    for name, inner in selection.items():
        if name == "*" or "additionalProperties" in described:
            if "additionalProperties" in described:
                _check(inner, described["additionalProperties"])
        elif name in described.get("properties", {}):
            _check(inner, described["properties"][name])
        else:
            raise Problem.bad_request(f"Invalid field selection {name}", "invalidParameter")


def _object_schema(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references and lists to the object inside."""
    while True:
        if "$ref" in described:
            described = schema(described["$ref"])
        elif "items" in described:
            described = described["items"]
        else:
            return described
