"""Google's filter language for lists, in both dialects (the `filter` parameter of the discovery document).

AIP-160: `name = "vm*" AND (status = RUNNING OR labels.env:*)`. OR binds more tightly than AND, and expressions side by
side are joined by AND.

Regular expressions: `name eq vm.*`, `(name eq vm.*) (status ne "TERMINATED")`. They match the whole field, in RE2's
syntax, and run without backtracking, so no expression can hang the server.

Like Google, we refuse a filter that mixes the two dialects.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput, VisitError

from gstack.errors import Problem
from gstack.wildcards import wildcard

Item = Mapping[str, Any]
Predicate = Callable[[Item], bool]
Node = Any  # a Tree whose leaves are Restrictions, or a Restriction

_LONGEST, _DEEPEST = 4096, 64
_PLAIN = re.compile(r"\^?(?P<literal>[A-Za-z0-9_-]+)\$?")  # a regular expression that matches one word only
_GRAMMAR = r"""
start: conjunction
conjunction: sequence (_AND sequence)*
sequence: factor+
factor: term (_OR term)*
?term: simple | (_NOT | _MINUS) simple -> negation
?simple: restriction | "(" conjunction ")"
restriction: FIELD COMPARE (QUOTED | BARE)
           | FIELD MATCH (QUOTED | REGEX)

_AND.3: /AND(?=[\s(])/
_OR.3: /OR(?=[\s(])/
_NOT.3: /NOT(?=[\s(])/
_MINUS: "-"
FIELD: /[A-Za-z_][A-Za-z0-9_-]*(\.("[^"]+"|[A-Za-z0-9_-]+))*/
COMPARE: /<=|>=|!=|=|<|>|:/
MATCH.2: /(eq|ne)(?=[\s"'(])/
QUOTED.2: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
BARE: /[^\s()"']+/
REGEX: /([^\s()"']|\((\\.|[^()\\]|\((\\.|[^()\\]|\([^()]*\))*\))*\))+/
%ignore /\s+/
"""


class Restriction(msgspec.Struct, frozen=True):
    """`field operator value`, with the value unquoted."""

    field: tuple[str, ...]
    operator: str
    value: str

    @property
    def name(self) -> str:
        """The field with dots: `scheduling.automaticRestart`."""
        return ".".join(self.field)

    @property
    def is_match(self) -> bool:
        """Whether this is a regular expression."""
        return self.operator in {"eq", "ne"}

    def predicate(self) -> Predicate:
        """Return a function that tells whether an item fulfils this restriction. Problem 400 if it is malformed."""
        test, field = _test(self.operator, self.value), self.field
        if self.operator in {"ne", "!="}:
            return lambda item: not any(map(test, _found(item, field)))
        return lambda item: any(map(test, _found(item, field)))


Resolve = Callable[[Restriction], Restriction]


class Filter(msgspec.Struct, frozen=True):
    """A compiled filter. `equals` are the conditions `field = literal` that every matching item fulfils."""

    matches: Predicate
    equals: dict[str, str] = {}


def parse_filter(text: str, resolve: Resolve | None = None) -> Filter | None:
    """Compile a filter; an empty text gives None. Problem 400 names the position of a mistake.

    `resolve` checks a restriction and returns it with the field's real name (filter_fields.resolver).
    """
    if not text.strip():
        return None
    if len(text) > _LONGEST:
        raise Problem.invalid("filter", f"it is longer than {_LONGEST} characters.")
    if text.count("(") > _DEEPEST:
        raise Problem.invalid("filter", f"it has more than {_DEEPEST} parentheses.")
    tree = _parsed(text, resolve)
    restrictions = list(tree.scan_values(lambda leaf: isinstance(leaf, Restriction)))
    if len({restriction.is_match for restriction in restrictions}) > 1:
        message = "the operators eq and ne (regular expressions) cannot be mixed with =, !=, <, >, <=, >= and ':'."
        raise Problem.invalid("filter", message)
    return Filter(_predicate(tree), dict(_equals(tree)))


class _Restrictions(Transformer[Any, Node]):
    """Replaces each subtree `restriction` by its resolved Restriction."""

    def __init__(self, resolve: Resolve | None) -> None:
        super().__init__()
        self._resolve = resolve

    def restriction(self, children: list[Token]) -> Restriction:
        field, operator, value = map(str, children)
        parts = re.findall(r'"[^"]+"|[^."]+', field)
        unquoted = _unquoted(value, operator in {"eq", "ne"})
        found = Restriction(tuple(part.strip('"') for part in parts), operator, unquoted)
        return self._resolve(found) if self._resolve else found


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr")


def _parsed(text: str, resolve: Resolve | None) -> Node:
    try:
        return _Restrictions(resolve).transform(_parser().parse(text))
    except VisitError as error:
        raise error.orig_exc from error
    except UnexpectedInput as error:
        at = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
        near = text[at : at + 20] or "its end"
        message = f"it cannot be read from position {at} on, near '{near}'. Quote values that hold spaces."
        raise Problem.invalid("filter", message) from error
    except LarkError as error:
        raise Problem.invalid("filter", "it cannot be read.") from error


def _unquoted(value: str, regex: bool) -> str:
    if value[:1] not in {'"', "'"}:
        return value
    quote, inner = value[0], value[1:-1]
    return inner.replace(f"\\{quote}", quote) if regex else re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)


def _predicate(node: Node) -> Predicate:
    if isinstance(node, Restriction):
        return node.predicate()
    parts = [_predicate(part) for part in node.children]
    if node.data == "negation":
        return lambda item: not parts[0](item)
    if len(parts) == 1:
        return parts[0]
    if node.data == "factor":
        return lambda item: any(part(item) for part in parts)
    return lambda item: all(part(item) for part in parts)


def _equals(node: Node) -> Iterator[tuple[str, str]]:
    """Yield each `field = literal` that every matching item must fulfil: those that only AND joins to the rest."""
    if isinstance(node, Restriction):
        if literal := _literal(node):
            yield node.name, literal
    elif node.data != "negation" and (node.data != "factor" or len(node.children) == 1):
        for part in node.children:
            yield from _equals(part)


def _literal(restriction: Restriction) -> str:
    if restriction.operator == "=":
        return "" if "*" in restriction.value else restriction.value
    found = _PLAIN.fullmatch(restriction.value) if restriction.operator == "eq" else None
    return found["literal"] if found else ""


def _found(value: Any, field: tuple[str, ...]) -> Iterator[Any]:
    """Yield the values of a field. A list on the way yields the values of all its entries."""
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _found(inner, field)
    elif not field:
        yield value
    elif isinstance(value, Mapping) and field[0] in value:
        yield from _found(value[field[0]], field[1:])


def _test(operator: str, value: str) -> Callable[[Any], bool]:
    if operator in {"eq", "ne"}:
        return _regex(value)
    if operator in {"=", "!="}:
        return _equality(value)
    return _has(value) if operator == ":" else _order(operator, value)


def _regex(pattern: str) -> Callable[[Any], bool]:
    _compiled(pattern)  # checked alone first, so that its parentheses cannot close the group around it
    whole = _compiled(rf"\A(?:{pattern})\z")
    return lambda value: bool(whole.is_valid(_text(value)))


def _compiled(pattern: str) -> Any:
    """Compile with Rust's regular expressions, through the schema validator: RE2's syntax, in linear time."""
    options = jsonschema_rs.RegexOptions(size_limit=1_000_000)
    try:
        return jsonschema_rs.Draft202012Validator({"type": "string", "pattern": pattern}, pattern_options=options)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise Problem.invalid("filter", f"'{pattern}' is not a regular expression in RE2's syntax.") from error


def _equality(value: str) -> Callable[[Any], bool]:
    if "*" in value:
        fits = wildcard(value)
        return lambda found: fits(_text(found))
    same = number(value)
    return lambda found: _text(found) == value or (isinstance(found, float | int) and found == same)


def _has(value: str) -> Callable[[Any], bool]:
    """Test `field:value`: `*` means not empty, a map has the key, a text contains the word in any case."""
    word = value.strip("*").lower()
    if not word:
        return lambda found: found not in ("", {}, None)
    return lambda found: value in found if isinstance(found, Mapping) else word in _text(found).lower()


def _order(operator: str, value: str) -> Callable[[Any], bool]:
    limit = number(value)

    def test(found: Any) -> bool:
        other = number(_text(found))
        if limit is not None and other is not None:
            return _ordered(operator, (other > limit) - (other < limit))
        text = _text(found)
        return _ordered(operator, (text > value) - (text < value))

    return test


def _ordered(operator: str, sign: int) -> bool:
    return {"<": sign < 0, ">": sign > 0, "<=": sign <= 0, ">=": sign >= 0}[operator]


def number(text: str) -> float | None:
    """Read a decimal number. None if the text is not one."""
    return float(text) if re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", text, re.ASCII) else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
