"""`gstack sandbox`: a CloudStack alone."""

import json
import os
import subprocess
import time
from pathlib import Path

import cs
import pytest

from fixtures.shells import PROGRAM


def test_the_sandbox_alone(tmp_path: Path) -> None:
    """It serves CloudStack's API with the limits told; nobody else may read what it writes, keys among it."""
    known, address = {**os.environ, "GSTACK_HOME": str(tmp_path)}, tmp_path / "sandbox.url"
    with subprocess.Popen(
        [PROGRAM, "sandbox", "--port", "0", "--limit", "user_vm=3", "--cloudstack-version", "4.18"],
        env=known,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(address)
            files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir() if file.is_file()}
            demo = json.loads((tmp_path / "sandbox.json").read_text())[0]
            client = cs.CloudStack(endpoint=address.read_text(), key=demo["api_key"], secret=demo["secret_key"])
            assert client.listResourceLimits(resourcetype=0)["resourcelimit"][0]["max"] == 3
            assert client.listCapabilities()["capability"]["cloudstackversion"].startswith("4.18.")
        finally:
            process.terminate()
    assert {"sandbox.db", "sandbox.json", "sandbox.url"} <= files.keys()
    assert set(files.values()) == {0o600}


def wait_for(file: Path) -> None:
    end = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < end, file
        time.sleep(0.1)


@pytest.mark.parametrize("limit", ["machines=3", "user_vm", "user_vm=many"])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, limit: str) -> None:
    """What may be limited is named; nothing starts."""
    known = {**os.environ, "GSTACK_HOME": str(tmp_path)}
    told = subprocess.run(
        [PROGRAM, "sandbox", "--limit", limit], env=known, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 2
    assert "user_vm, public_ip" in told.stderr
    assert not (tmp_path / "sandbox.db").exists()


def test_the_port_that_was_taken_is_printed(tmp_path: Path) -> None:
    """With `--port 0` the URL on the screen is one that answers."""
    known = {**os.environ, "GSTACK_HOME": str(tmp_path)}
    with subprocess.Popen([PROGRAM, "sandbox", "--port", "0"], env=known, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
        finally:
            process.terminate()
    assert f"answers at {(tmp_path / 'sandbox.url').read_text()}." in line
    assert ":0/" not in line
