"""`gstack serve` before it serves; as a running server it is in tests/test_serving.py."""

import os
import subprocess
from pathlib import Path

import pytest

from fixtures.servers import Stack
from fixtures.shells import PROGRAM, fails


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


def test_half_a_certificate_is_none(product: Stack, tmp_path: Path) -> None:
    """A certificate without its key, or a key without its certificate, is said before anything starts."""
    file = tmp_path / "half.pem"
    file.touch()
    for option in ("--cert", "--key"):
        assert "--cert and --key go together" in fails(product, "serve", option, str(file))
