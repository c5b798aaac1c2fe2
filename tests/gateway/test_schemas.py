"""The document's schemas as JSON Schema."""

from typing import Any

import jsonschema_rs
import pytest

from gstack.gateway.discovery import methods
from gstack.gateway.schemas import answer_schema, request_schema


def fits(name: str, answer: Any) -> bool:
    return bool(jsonschema_rs.Draft202012Validator(answer_schema(name)).is_valid(answer))


def test_every_answer_of_the_document_can_be_checked() -> None:
    """Each response schema compiles."""
    for name in {method.response for method in methods().values() if method.response}:
        jsonschema_rs.Draft202012Validator(answer_schema(name))


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 1},
        {"id": "x"},
        {"sizeGb": 10},
        {"status": "GONE"},
        {"labels": {"a": 1}},
        {"sise": "1"},
        {"users": "vm1"},
        {"name": "Not_A_Name"},
    ],
)
def test_answers_are_held_to_what_clients_parse(answer: Any) -> None:
    """Long numbers are strings, names and values are Google's."""
    assert not fits("Disk", answer)


def test_a_whole_answer_fits() -> None:
    """A disk as Google shows it passes."""
    assert fits("Disk", {"kind": "compute#disk", "id": "1", "name": "d", "sizeGb": "10", "labels": {"a": "b"}})


def test_zones_keep_the_names_of_cloudstack() -> None:
    """Google's name pattern does not hold for what CloudStack names."""
    assert fits("Zone", {"name": "Sandbox-simulator"})


def test_only_what_is_reachable_is_compiled() -> None:
    """A small schema brings few others."""
    assert set(request_schema("TargetReference")["$defs"]) == {"TargetReference"}
