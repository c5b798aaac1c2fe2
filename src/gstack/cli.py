"""The command `gstack`: serve (default), configure, sandbox, keys, apps, trust, rotate-key, client, doctor.

A command's module is imported when it is called: serving needs no OAuth2 room, and no command needs all of them.
"""

from importlib import import_module
from typing import Any

import rich_click as click

from gstack import __version__

COMMANDS = {
    "apps": "gstack.commands.apps",
    "client": "gstack.commands.client",
    "configure": "gstack.configure",
    "doctor": "gstack.commands.doctor",
    "keys": "gstack.commands.keys",
    "rotate-key": "gstack.commands.rotate_key",
    "sandbox": "gstack.commands.sandbox",
    "serve": "gstack.commands.serve",
    "trust": "gstack.commands.trust",
}


class _Group(click.RichGroup):
    """`gstack` alone, and `gstack --port 5001`, mean `gstack serve …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_serve = not args or (args[0].startswith("-") and args[0] not in {"--help", "--version"})
        return super().parse_args(ctx, ["serve", *args] if is_serve else args)

    def list_commands(self, _: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: Any, name: str) -> Any:
        return import_module(COMMANDS[name]).command if name in COMMANDS else None


@click.group(cls=_Group, help="Google Compute Engine's API on Apache CloudStack, or on a sandbox of its own.")
@click.version_option(__version__, prog_name="gstack")
def cli() -> None:
    """See the subcommands."""


def main() -> None:
    """The command `gstack`."""
    cli(prog_name="gstack")
