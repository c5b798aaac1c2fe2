"""What commands share: options, settings, the user's key pair, errors as lines, columns, the name of this program."""

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gstack.cloudstack.signing import KeyPair
from gstack.commands.running_server import RunningServer, server_in_force
from gstack.config import Settings, SettingsError, load
from gstack.db.engine import DatabaseError
from gstack.errors import ApiError
from gstack.sandbox.settings import load_or_create_keys

T = TypeVar("T")

profile = click.option("-p", "--profile", default="initial", show_default=True, help="Profile of gstack.toml.")
api_key = click.option("--api-key", envvar="CLOUDSTACK_KEY", help="CloudStack API key.")
secret_key = click.option("--secret-key", envvar="CLOUDSTACK_SECRET", help="CloudStack secret key.")


def settings_of(name: str, flags: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
    """Read the settings of a profile. A wrong setting ends the command with an error line."""
    try:
        return load(name, os.environ, flags)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def in_force(name: str) -> RunningServer:
    """Return the running server of this profile, else one with the settings that a server would start with."""
    settings = settings_of(name)
    try:
        return server_in_force(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def key_pair(server: RunningServer, key: str | None, secret: str | None) -> KeyPair:
    """Return the key pair of options, environment or prompt; on the sandbox the demo account's."""
    if key and secret:
        return KeyPair(key, secret)
    if server.on_sandbox:
        demo = load_or_create_keys(server.settings.home)[0]
        return KeyPair(demo.api_key, demo.secret_key)
    if not sys.stdin.isatty():
        raise click.UsageError("Give a CloudStack key pair: --api-key and --secret-key, or CLOUDSTACK_KEY and _SECRET.")
    return KeyPair(
        key or click.prompt("CloudStack API key", err=True),
        secret or click.prompt("CloudStack secret key", hide_input=True, err=True),
    )


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end. An ApiError or a DatabaseError ends the command with an error line."""
    try:
        return asyncio.run(coroutine)
    except ApiError as problem:
        raise click.ClickException(problem.message) from problem
    except DatabaseError as error:
        raise click.ClickException(str(error)) from error


def show_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns. No value is cut or broken, whatever the width of the terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def program() -> str:
    """Return the command that started this program, so that users can paste what we print."""
    called = Path(sys.argv[0])
    if called.name != "gstack":
        return "gstack"
    inside = Path(os.path.relpath(called))
    return str(called) if str(inside).startswith("..") else str(inside)
