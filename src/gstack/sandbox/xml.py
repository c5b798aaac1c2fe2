"""CloudStack's XML, the format of answers unless the call says `response=json`."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape


def to_xml(answer: dict[str, Any]) -> str:
    """Return an answer as XML: a list repeats its element, a map nests elements."""
    body = "".join(_element(name, value, root=True) for name, value in answer.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>{body}'


def _element(name: str, value: Any, *, root: bool = False) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    attribute = ' cloud-stack-version="4.23.0.0"' if root else ""
    return f"<{name}{attribute}>{_content(value)}</{name}>"


def _content(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_element(name, item) for name, item in value.items())
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))
