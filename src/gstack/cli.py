"""The command `gstack`: serve (default), configure, sandbox, keys, apps, trust, rotate-key, client, doctor.

The module of a command is imported when the command is called, because no command needs all of the program.

Messages are printed as they are, without boxes or line breaks of our own: users copy paths and keys from them.
"""

import io
import os
import sys
from importlib import import_module
from typing import Any

import click

from gstack import __version__, logs
from gstack.config import home, unknown_variables

COMMANDS = {
    "apps": "gstack.commands.apps",
    "client": "gstack.commands.client",
    "configure": "gstack.commands.configure",
    "doctor": "gstack.commands.doctor",
    "keys": "gstack.commands.keys",
    "rotate-key": "gstack.commands.rotate_key",
    "sandbox": "gstack.commands.sandbox",
    "serve": "gstack.commands.serve",
    "trust": "gstack.commands.trust",
}


class _Group(click.Group):
    """A group in which `gstack` alone, and `gstack --port 5001`, mean `gstack serve …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_serve = not args or (args[0].startswith("-") and args[0] not in {"--help", "--version"})
        return super().parse_args(ctx, ["serve", *args] if is_serve else args)

    def list_commands(self, _: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: Any, name: str) -> Any:
        return import_module(COMMANDS[name]).command if name in COMMANDS else None

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A file that cannot be used is an error line with its path, not a traceback."""
        for warning in unknown_variables(os.environ):
            click.echo(f"Warning: {warning}", err=True)
        try:
            return super().invoke(ctx)
        except OSError as error:
            if not error.filename:
                raise
            text = (
                f"{error.filename}: {error.strerror}. State is in {home(os.environ)}: GSTACK_HOME names another folder."
            )
            raise click.ClickException(text) from error


@click.group(cls=_Group, help="Google Compute Engine's API on Apache CloudStack, or on a sandbox of its own.")
@click.version_option(__version__, prog_name="gstack")
def cli() -> None:
    """See the subcommands."""


def main() -> None:
    """The command `gstack`."""
    _run(sys.argv[1:])


def configure() -> None:
    """The command `gstack-configure`, which is `gstack configure`."""
    _run(["configure", *sys.argv[1:]])


def _run(arguments: list[str]) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows only ASCII shows `?` for `✓`
    logs.configure("warning")  # on standard error: what a command prints may be evaluated by a shell
    cli(arguments, prog_name="gstack")
