"""The command line, as a user types it."""

import subprocess
import sys

from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, fails, gstack
from gstack.cli import COMMANDS


def test_help_names_every_command(product: Stack) -> None:
    """`gstack --help` lists what there is, and each command has a help of its own."""
    text = gstack(product, "--help")
    for name in COMMANDS:
        assert name in text
        assert f"gstack {name}" in gstack(product, name, "--help")


def test_a_command_imports_what_it_needs_alone() -> None:
    """Neither the command line nor `gstack serve`'s own process waits for rooms that they do not use."""
    code = "import sys, gstack.cli, gstack.commands.serve; print([name for name in sys.modules if 'auth' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not [name for name in done.stdout.split("'") if name.startswith("gstack.")]


def test_a_wrong_setting_is_named(product: Stack) -> None:
    """A setting that cannot be read is an error line, not a traceback."""
    known = environment(product) | {"GSTACK_SERVER_PORT": "many"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "GSTACK_SERVER_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_said_to_be_one(product: Stack) -> None:
    """A mistyped command is not taken for an option of `serve`."""
    assert "nonsense" in fails(product, "nonsense")
    assert "No such command" in fails(product, "nonsense")
