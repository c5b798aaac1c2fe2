"""The shape of refusals."""

from __future__ import annotations

from gstack.sandbox import errors


def test_body_of_a_refusal() -> None:
    """A refusal carries CloudStack's code, class number and text."""
    body = {"uuidList": [], "errorcode": 431, "cserrorcode": 4350, "errortext": "no"}
    assert errors.invalid("no").body() == body


def test_unauthorized_has_no_class_number() -> None:
    """401 comes without `cserrorcode`, as recorded."""
    assert "cserrorcode" not in errors.unauthorized().body()
