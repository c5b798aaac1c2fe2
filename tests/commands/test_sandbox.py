"""`gstack sandbox`: a CloudStack alone."""

import os
import subprocess
import time
from pathlib import Path

from fixtures.shells import PROGRAM


def test_the_sandbox_alone_keeps_its_files_private(tmp_path: Path) -> None:
    """`gstack sandbox` serves CloudStack's API alone; nobody else may read what it writes, keys among it."""
    known, address = {**os.environ, "GSTACK_HOME": str(tmp_path)}, tmp_path / "sandbox.url"
    with subprocess.Popen([PROGRAM, "sandbox", "--port", "0"], env=known, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(address)
            files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir() if file.is_file()}
        finally:
            process.terminate()
    assert {"sandbox.db", "sandbox.json", "sandbox.url"} <= files.keys()
    assert set(files.values()) == {0o600}


def wait_for(file: Path) -> None:
    end = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < end, file
        time.sleep(0.1)
