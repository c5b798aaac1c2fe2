"""The audit log: one JSON line for each sign-in, token, key event and mutation. It never contains a secret.

A line says who did what, from where, and with what result; `id` is the request's, as in the access log. Each line is
appended by one write, so that workers and commands can share the file. The file is created with mode 0600. If somebody
moves it away, the next line creates a new one, so logrotate needs no signal.
"""

import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec
import structlog

STANDARD_OUTPUT = "-"
_LONGEST = 300  # characters of one value, so that clients cannot fill the disk
_log = structlog.get_logger("gstack.audit")


class Audit:
    """Write with `audit.write("token", who=…, what=…, result=…)`.

    `target` is a file (a relative name is in `home`), "-" for standard output (or for `output`, if it is given), or
    empty to write nothing. Every line has the time and the event, and within a request its `id` and `address`.
    """

    def __init__(self, target: str, home: Path, output: TextIO | None = None) -> None:
        self._target = target
        self._output = output
        self._path = None if target == STANDARD_OUTPUT else home / target
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def write(self, event: str, **facts: Any) -> None:
        """Append one line, without empty `facts`. No fact may be a secret. A full disk does not fail the request."""
        if not self._target:
            return
        context = structlog.contextvars.get_contextvars()
        request = {name: context.get(name) for name in ("address", "id")}
        line: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
        for name, value in (request | facts).items():
            if value not in (None, ""):
                line[name] = value[:_LONGEST] if isinstance(value, str) else value
        try:
            with self._lock:
                os.write(self._file(), msgspec.json.encode(line) + b"\n")
        except OSError as error:
            _log.error("audit line not written", why=str(error), line=line)

    def _file(self) -> int:
        """Return the open file; open it again if its name now belongs to another file, or to none."""
        if self._path is None:
            return (self._output or sys.stdout).fileno()
        if self._descriptor is not None and not _is_at(self._descriptor, self._path):
            os.close(self._descriptor)
            self._descriptor = None
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self._descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
