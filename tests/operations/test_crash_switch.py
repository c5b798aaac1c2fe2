"""The switch of the crash tests, in a process that really dies."""

import signal
import subprocess
import sys
from pathlib import Path

from gstack.operations.crash_switch import VARIABLE, crash_switch

PASSING = """
import asyncio, os, sys
from gstack.operations.crash_switch import crash_switch
switch = crash_switch(os.environ)
for point in sys.argv[1:]:
    asyncio.run(switch(point))
    print(point, flush=True)
"""


def passed(path: Path, *points: str) -> tuple[int, list[str]]:
    """The exit code of a process that comes to these points, and those that it passed."""
    words = [sys.executable, "-c", PASSING, *points]
    done = subprocess.run(words, env={VARIABLE: str(path)}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split()


def test_nothing_without_the_variable() -> None:
    """A server that nobody tests has no checkpoint at all."""
    assert crash_switch({}) is None


def test_a_point_kills_once(tmp_path: Path) -> None:
    """The process dies as by kill -9 at a point of the file; the next one passes it and dies at the next point."""
    path = tmp_path / "points"
    path.write_text("disk:sent\nundo-*:done\n")
    assert passed(path, "begin", "disk:sent", "end") == (-signal.SIGKILL, ["begin"])
    assert passed(path, "begin", "disk:sent", "undo-4f2a:done") == (-signal.SIGKILL, ["begin", "disk:sent"])
    assert passed(path, "begin", "disk:sent", "undo-4f2a:done") == (0, ["begin", "disk:sent", "undo-4f2a:done"])


def test_no_file_no_death(tmp_path: Path) -> None:
    """A file that is not there yet names no points."""
    assert passed(tmp_path / "none", "begin") == (0, ["begin"])
