"""A switch for crash tests: kill this process, as `kill -9` does, at chosen points of operations.

The variable `GSTACK_CRASH_FILE` names a file with one point on each line, as operations.runner lists them
(`deploy:sent`). Shell patterns match names that differ from run to run (`undo-*:done`). A worker that reaches a point
of the file removes its line and kills itself, so the next worker passes it. Without the variable nothing is read.
"""

import os
import signal
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from gstack.operations.runner import Checkpoint

VARIABLE = "GSTACK_CRASH_FILE"


def crash_switch(environment: Mapping[str, str]) -> Checkpoint | None:
    """Return the checkpoint that the environment sets up, or None."""
    name = environment.get(VARIABLE)
    if not name:
        return None
    path = Path(name)

    async def checkpoint(point: str) -> None:
        if _remove(path, point):
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint


def _remove(path: Path, point: str) -> bool:
    """Remove this point from the file; False if it is not there."""
    try:
        points = path.read_text().split()
    except FileNotFoundError:
        return False
    matching = next((pattern for pattern in points if fnmatchcase(point, pattern)), None)
    if matching is None:
        return False
    points.remove(matching)
    path.write_text("\n".join(points))
    return True
