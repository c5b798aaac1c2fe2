"""Which fields count as empty."""

from typing import Any

from gstack.resources.shared.present import present


def test_what_is_empty_is_left_out() -> None:
    """None and empty strings, lists, tuples and objects go; zero and False stay."""
    fields: dict[str, Any] = {
        "none": None,
        "text": "",
        "list": [],
        "tuple": (),
        "object": {},
        "zero": 0,
        "no": False,
        "a": "b",
    }
    assert present(fields) == {"zero": 0, "no": False, "a": "b"}
