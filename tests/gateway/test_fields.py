"""Partial responses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.fields import parse_fields, select

LIST = {
    "id": "l",
    "nextPageToken": "t",
    "items": [{"name": "a", "zone": "z", "disks": [{"source": "s", "mode": "m"}]}, {"name": "b"}],
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", LIST),
        ("*", LIST),
        ("id", {"id": "l"}),
        ("items(name)", {"items": [{"name": "a"}, {"name": "b"}]}),
        ("items/name, nextPageToken", {"items": [{"name": "a"}, {"name": "b"}], "nextPageToken": "t"}),
        ("items(zone,disks/source)", {"items": [{"zone": "z", "disks": [{"source": "s"}]}, {}]}),
        ("items/disks(source),items/name", {"items": [{"disks": [{"source": "s"}], "name": "a"}, {"name": "b"}]}),
        ("items,items/name", {"items": LIST["items"]}),
        ("items/*", {"items": LIST["items"]}),
    ],
)
def test_both_syntaxes_select(fields: str, expected: Any) -> None:
    """Paths, parentheses and stars choose what is answered."""
    assert select(LIST, parse_fields(fields, "InstanceList")) == expected


def test_maps_are_selected_through_their_keys() -> None:
    """Aggregated lists are maps by scope: a star or a key goes through them."""
    answer = {"items": {"zones/z": {"instances": [{"name": "a", "zone": "z"}]}}}
    chosen = select(answer, parse_fields("items/*/instances/name", "InstanceAggregatedList"))
    assert chosen == {"items": {"zones/z": {"instances": [{"name": "a"}]}}}


@pytest.mark.parametrize(
    "fields", ["items(name", "items)", "a/", "/", ",", "items(sise)", "nope", "a b", "(" * 50, "é"]
)
def test_what_selects_nothing_is_refused(fields: str) -> None:
    """Broken selections and unknown names are a 400, as with Google."""
    with pytest.raises(Problem) as caught:
        parse_fields(fields, "InstanceList")
    assert caught.value.status == 400


@given(st.text(st.sampled_from("items/name(),* "), max_size=60))
def test_no_selection_is_a_fault(fields: str) -> None:
    """Whatever is sent is read or refused."""
    assert outcome(fields) in {200, 400}


def outcome(fields: str) -> int:
    try:
        select(LIST, parse_fields(fields, "InstanceList"))
    except Problem as problem:
        return problem.status
    return 200
