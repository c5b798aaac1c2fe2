"""Metadata items: checked, shown, with a fingerprint."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.resources.shared.metadata import TOTAL_BYTES, VALUE_BYTES, check_metadata, to_gce
from gstack.resources.shared.naming import fingerprint


def items(**pairs: Any) -> dict[str, Any]:
    return {"items": [{"key": key.replace("_", "-"), "value": value} for key, value in pairs.items()]}


def test_items_keep_their_order() -> None:
    """What was sent comes back, in its order, with the fingerprint of its content."""
    known = check_metadata(items(startup_script="#!/bin/sh", sshKeys="a:b"), "metadata")
    assert list(known) == ["startup-script", "sshKeys"]
    shown = to_gce(known)
    assert shown["items"] == items(startup_script="#!/bin/sh", sshKeys="a:b")["items"]
    assert shown["fingerprint"] == fingerprint(known)


@pytest.mark.parametrize("sent", [None, {}, {"items": None}, {"items": []}])
def test_nothing_is_no_metadata(sent: Any) -> None:
    """Nulls and empty lists are no items; the metadata itself is shown all the same."""
    assert check_metadata(sent, "metadata") == {}
    assert to_gce({}) == {"kind": "compute#metadata", "fingerprint": fingerprint({})}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"items": [{"value": "x"}]}, "Required field 'metadata.items.key'"),
        ({"items": [{"key": "a b", "value": "x"}]}, "'a b' must be 1 to 128"),
        ({"items": [{"key": "", "value": "x"}]}, "must be 1 to 128"),
        ({"items": [{"key": "k" * 129, "value": "x"}]}, "must be 1 to 128"),
        ({"items": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, "duplicate keys: a"),
        (items(a="x" * (VALUE_BYTES + 1)), f"larger than {VALUE_BYTES} bytes"),
        (items(a="x" * VALUE_BYTES, b="x" * VALUE_BYTES), f"{TOTAL_BYTES} bytes in total"),
        (items(enable_oslogin="TRUE"), "OS Login is not available"),
    ],
)
def test_bad_items_are_refused(sent: Any, message: str) -> None:
    """Bad keys, duplicates, sizes beyond Google's limits and OS Login are 400, and the message names them."""
    with pytest.raises(Problem) as caught:
        check_metadata(sent, "metadata")
    assert caught.value.status == 400
    assert message in caught.value.message


def test_a_null_value_is_empty() -> None:
    """A key without a value has an empty one."""
    assert check_metadata(items(a=None), "metadata") == {"a": ""}
