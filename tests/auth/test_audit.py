"""gstack.auth.audit: one line per event, whatever happens to the file."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog

from gstack.auth.audit import Audit


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_json_with_time_event_and_facts(tmp_path: Path) -> None:
    """A line has no empty facts, cuts long ones and escapes line breaks, and the file is private."""
    audit = Audit("audit.log", tmp_path)
    audit.write("token", who="a\nb", what="x" * 1000, project="", result=None)
    (line,) = lines(tmp_path / "audit.log")
    assert line.pop("time").endswith("+00:00")
    assert line == {"event": "token", "who": "a\nb", "what": "x" * 300}
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600


def test_a_line_names_its_request(tmp_path: Path) -> None:
    """A line has the address and id of the current request."""
    with structlog.contextvars.bound_contextvars(address="192.0.2.7", id="r1"):
        Audit("audit.log", tmp_path).write("key")
    (line,) = lines(tmp_path / "audit.log")
    assert (line["address"], line["id"]) == ("192.0.2.7", "r1")


def test_a_file_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    """After logrotate moves the file, the next line creates a new one."""
    audit = Audit("audit.log", tmp_path)
    audit.write("one")
    (tmp_path / "audit.log").rename(tmp_path / "audit.log.1")
    audit.write("two")
    assert [line["event"] for line in lines(tmp_path / "audit.log.1")] == ["one"]
    assert [line["event"] for line in lines(tmp_path / "audit.log")] == ["two"]


def test_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    """Several workers append to one file; every line stays whole."""
    writers = [Audit("audit.log", tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: writers[number % 4].write("e", number=number, what="x" * 200), range(400)))
    assert sorted(line["number"] for line in lines(tmp_path / "audit.log")) == list(range(400))


def test_standard_output_and_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The target `-` is standard output, and an empty target writes nothing."""
    Audit("-", tmp_path).write("shown")
    Audit("", tmp_path).write("silent")
    assert json.loads(capfd.readouterr().out)["event"] == "shown"
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If a line cannot be written, the log says so and the request goes on."""
    (tmp_path / "file").write_text("")
    Audit("file/audit.log", tmp_path).write("lost", who="me")
    assert "audit line not written" in capsys.readouterr().out
