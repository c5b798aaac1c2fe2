"""CloudStack's XML."""

from __future__ import annotations

from gstack.sandbox.xml import to_xml


def test_lists_repeat_their_element() -> None:
    """A list is its element repeated, text is escaped, booleans are lower case."""
    text = to_xml({"r": {"a": [{"b": 1}, {"b": "<"}], "c": True}})
    assert text.endswith('<r cloud-stack-version="4.23.0.0"><a><b>1</b></a><a><b>&lt;</b></a><c>true</c></r>')
