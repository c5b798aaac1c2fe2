"""How logs look."""

import json

import pytest
import structlog

from gstack import logs


@pytest.fixture(autouse=True)
def _as_before() -> object:
    """Leave structlog as other tests expect it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_lines_are_json_where_no_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal each event is one JSON object with its time and level."""
    logs.configure()
    structlog.get_logger("gstack.test").warning("something", count=2)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["count"]) == ("something", "warning", 2)
    assert line["timestamp"].endswith("Z")


def test_the_level_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """What is below the level is not written."""
    logs.configure("error")
    structlog.get_logger("gstack.test").warning("quiet")
    assert capsys.readouterr().err == ""


def test_people_get_readable_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """For a terminal there is no JSON."""
    logs.configure(json=False)
    structlog.get_logger("gstack.test").info("hello", who="you")
    assert "hello" in capsys.readouterr().err
