"""The command line, as a user types it."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from fixtures.gce import Gce
from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, fails, gstack


def test_help_names_every_command(product: Stack) -> None:
    """`gstack --help` lists what there is."""
    text = gstack(product, "--help")
    assert all(name in text for name in ("serve", "configure", "sandbox", "keys", "client", "doctor"))


@pytest.mark.parametrize("client", ["gcloud", "python", "terraform", "libcloud", "gcutil", "ansible"])
def test_client_settings_hold_a_key_that_works(product: Stack, client: str) -> None:
    """Each text can be printed twice with the same key: it is made once."""
    assert gstack(product, "client", client) == gstack(product, "client", client)


def test_doctor_finds_all_well_and_what_is_not(product: Stack) -> None:
    """A healthy server has no advice; a wrong endpoint has."""
    report = gstack(product, "doctor")
    assert "✗" not in report
    assert "sandbox-east1-a (region sandbox-east1)" in report
    known = environment(product) | {"GSTACK_CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "→" in done.stdout


def test_a_wrong_setting_is_named(product: Stack) -> None:
    """A setting that cannot be read is an error line, not a traceback."""
    known = environment(product) | {"GSTACK_SERVER_PORT": "many"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "GSTACK_SERVER_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_projects_are_seen_by_their_key(product: Stack, gce: Gce) -> None:
    """The file's project is the account's own project unless told."""
    key = json.loads(gstack(product, "keys", "create"))
    assert key["project_id"] == gce.get("")["name"]


@pytest.mark.parametrize("command", [["serve"], ["doctor"], ["keys", "list"], ["trust", "list"], ["rotate-key"]])
def test_a_misspelt_profile_starts_no_sandbox(tmp_path: Path, command: list[str]) -> None:
    """Where there are profiles, one that is not among them is refused, and they are named."""
    (tmp_path / "gstack.toml").write_text('[cloud.cloudstack]\nendpoint = "http://127.0.0.1:1/client/api"\n')
    known = {**os.environ, "GSTACK_HOME": str(tmp_path)}
    told = subprocess.run(
        [PROGRAM, *command, "-p", "clout"], env=known, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 1
    assert "no profile 'clout'" in " ".join(told.stderr.split())
    assert not (tmp_path / "sandbox.db").exists()


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


def test_an_unknown_command_is_said_to_be_one(product: Stack) -> None:
    """A mistyped command is not taken for an option of `serve`."""
    assert "nonsense" in fails(product, "nonsense")
    assert "No such command" in fails(product, "nonsense")
