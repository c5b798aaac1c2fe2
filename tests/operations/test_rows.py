"""Rows of the journal: ids, names, and the way between drafts, rows and operations."""

import re

from fixtures.works import draft
from gstack.operations.model import Warned
from gstack.operations.rows import new_row, to_record


def test_ids_and_names_have_googles_forms() -> None:
    """Ids are below 2^63 and grow with time; names are `operation-<ms>-<13 hex>-<8 hex>-<8 hex>`, never twice."""
    rows = [new_row(draft("d"), "sandbox") for _ in range(200)]
    assert all(0 < row["id"] < 1 << 63 for row in rows)
    assert all(re.fullmatch(r"operation-\d{13}-[0-9a-f]{13}(-[0-9a-f]{8}){2}", row["name"]) for row in rows)
    assert len({row["id"] for row in rows}) == len({row["name"] for row in rows}) == 200
    assert [row["id"] >> 21 for row in rows] == sorted(row["id"] >> 21 for row in rows)


def test_a_draft_becomes_a_running_operation() -> None:
    """Nothing of the draft is lost in the row, warnings included."""
    made = draft("d", warnings=(Warned("NOT_CRITICAL_ERROR", "m", {"k": "v"}),), cloudstack_project="p")
    record = to_record(new_row(made, "sandbox"))
    operation = record.operation
    assert (operation.status, operation.target, operation.warnings) == ("RUNNING", made.target, made.warnings)
    assert (operation.args, operation.user, operation.credential) == (made.args, made.user, made.credential)
    assert (record.cloudstack_project, record.key) == ("p", int(operation.id))
