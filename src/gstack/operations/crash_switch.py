"""A switch for crash tests: die as by `kill -9` at chosen points of operations.

`GSTACK_CRASH_FILE` names a file with one point a line, as operations.runner lists them (`deploy:sent`); shell patterns
stand for names that differ from run to run (`undo-*:done`). A worker that comes to a point of the file takes its line
out and kills itself, so that the next one passes it. Not for users: without the variable nothing is read.
"""

import os
import signal
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from gstack.operations.runner import Checkpoint

VARIABLE = "GSTACK_CRASH_FILE"


def crash_switch(environment: Mapping[str, str]) -> Checkpoint | None:
    """The checkpoint that the environment asks for, None where it asks for none."""
    name = environment.get(VARIABLE)
    if not name:
        return None
    path = Path(name)

    async def checkpoint(point: str) -> None:
        if _taken(path, point):
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


def _taken(path: Path, point: str) -> bool:
    """Whether the file holds this point; then it does no more."""
    try:
        points = path.read_text().split()
    except FileNotFoundError:
        return False
    meant = next((pattern for pattern in points if fnmatchcase(point, pattern)), None)
    if meant is None:
        return False
    points.remove(meant)
    path.write_text("\n".join(points))
    return True
