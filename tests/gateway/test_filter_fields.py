"""A filter's fields and orders are held against the schema of the list's resources."""

import pytest

from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.gateway.filter_fields import check_fields
from gstack.gateway.filters import parse_filter


def check(text: str, resource: str) -> None:
    narrow = parse_filter(text)
    assert narrow
    check_fields(narrow, schema(resource))


@pytest.mark.parametrize(
    "text",
    [
        'labels.env != x AND scheduling.automaticRestart != false AND disks.source != "a"',
        'labels."env" > b',
        "disks.diskSizeGb >= 10",
        "disks.index < 2",
        "creationTimestamp > 2026-01-01",
        "id = vm1",
    ],
)
def test_what_a_machine_has(text: str) -> None:
    """Fields below references, lists and maps are known; numbers are ordered with numbers, texts with texts."""
    check(text, "Instance")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("colour = red", "'colour' is no field"),
        ("scheduling.colour = red", "'scheduling.colour' is no field"),
        ("name.first = red", "'name.first' is no field"),
        ("disks.diskSizeGb > abc", "'disks.diskSizeGb' is a number, and cannot be compared with 'abc'"),
        ("name = a OR NOT disks.index <= b", "'disks.index' is a number, and cannot be compared with 'b'"),
        ("deletionProtection > false", "'deletionProtection' is true or false"),
    ],
)
def test_what_cannot_be_asked(text: str, reason: str) -> None:
    """A field that resources have not, and an order that its values have not, are named; nothing is an empty list."""
    with pytest.raises(Problem, match=reason) as caught:
        check(text, "Instance")
    assert (caught.value.status, caught.value.location) == (400, "filter")
