"""The command line, as a user types it."""

import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

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


# Runs every command in one process, since starting Python takes longer than the commands do.
EVERY_COMMAND = """
import sys
from gstack.cli import cli
for arguments in sys.stdin.read().splitlines():
    try:
        cli(arguments.split(), prog_name="gstack")
    except SystemExit as end:
        print(f"{arguments}: exit code {end.code}", flush=True)
"""
ARGUMENTS = {"client": "client gcloud", "keys": "keys list", "apps": "apps list", "trust": "trust list"}


def errors(home: Path, columns: int, *, terminal: bool) -> str:
    """What all commands say on this home, on a terminal or into a pipe of so many columns."""
    parent, child = pty.openpty() if terminal else os.pipe()
    if terminal:
        termios.tcsetwinsize(child, (24, columns))
    variables = {**os.environ, "GSTACK_HOME": str(home)} | ({} if terminal else {"COLUMNS": str(columns)})
    with subprocess.Popen(
        [sys.executable, "-c", EVERY_COMMAND], env=variables, stdin=subprocess.PIPE, stdout=child, stderr=child
    ) as process:
        assert process.stdin
        process.stdin.write("\n".join(ARGUMENTS.get(name, name) for name in COMMANDS).encode())
        process.stdin.close()
        os.close(child)
        said = b""
        with suppress(OSError):  # how a terminal ends on Linux
            while part := os.read(parent, 65_536):
                said += part
        os.close(parent)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("columns", [20, 80, 300])
def test_errors_hold_whole_paths(tmp_path: Path, columns: int, terminal: bool) -> None:
    """However narrow the terminal and long the path, every command prints it in one piece, and draws no box."""
    home = tmp_path / ("a folder with a long name " * 8).strip() / ("another-folder-" * 14)
    home.mkdir(parents=True)
    (home / "gstack.toml").write_text("[initial")
    (home / "sandbox.json").mkdir()  # `gstack sandbox` reads no settings, but its keys
    said = errors(home, columns, terminal=terminal)
    assert "Traceback" not in said
    assert not set("│─╭╰┃━") & set(said)
    for name in COMMANDS:
        line = next(line for line in said.splitlines() if line.startswith(f"{ARGUMENTS.get(name, name)}: exit code"))
        assert line.endswith("exit code 1"), line
    assert said.count(f"{home / 'gstack.toml'} is not valid TOML") == len(COMMANDS) - 1
    assert f"Error: {home / 'sandbox.json'}: " in said


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_home_that_cannot_be_used_is_said(tmp_path: Path, command: str) -> None:
    """Where state cannot be written, each command names the folder and what to do, without a traceback."""
    file = tmp_path / "file"
    file.touch()
    known = {**os.environ, "GSTACK_HOME": str(file / "home"), "CLOUDSTACK_KEY": "k", "CLOUDSTACK_SECRET": "s"}
    words = [*ARGUMENTS.get(command, command).split(), *(["--yes", "--force"] if command == "configure" else [])]
    done = subprocess.run([PROGRAM, *words], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert str(file) in done.stdout + done.stderr


def test_a_terminal_without_unicode_shows_question_marks(product: Stack) -> None:
    """A character that the terminal cannot show is a question mark there, not a traceback."""
    known = environment(product) | {"PYTHONIOENCODING": "iso-8859-1"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert "? keys: are accepted" in done.stdout
    assert "Traceback" not in done.stderr
