"""`gstack sandbox`: the sandbox alone, a CloudStack for any CloudStack client."""

import os

import click

from gstack.commands.shell import program
from gstack.config import home
from gstack.sandbox import versions
from gstack.sandbox.limits import BY_NAME
from gstack.sandbox.server import serve
from gstack.sandbox.settings import SandboxSettings, load_or_create_keys


@click.command("sandbox", help="Run the sandbox alone: a CloudStack for any CloudStack client.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="TYPE=N",
    help="How many an account may have, e.g. user_vm=3; -1 for no limit.",
)
@click.option(
    "--cloudstack-version",
    default=versions.NEWEST,
    show_default=True,
    type=click.Choice(versions.ALL),
    help="The CloudStack to play: what came later is not there.",
)
@click.option("--expunge-allowed", is_flag=True, help="Let ordinary users expunge machines.")
def command(bind: str, port: int, limits: tuple[str, ...], cloudstack_version: str, expunge_allowed: bool) -> None:
    """Serve the sandbox in this process."""
    os.umask(0o077)  # the files hold the keys of accounts
    folder = home(os.environ)
    settings = SandboxSettings(
        accounts=load_or_create_keys(folder),
        database=str(folder / "sandbox.db"),
        expunge_allowed=expunge_allowed,
        cloudstack_version=cloudstack_version,
        limits=dict(map(_limit, limits)),
    )
    try:
        serve(settings, bind, port, folder / "sandbox.url", announce=_announce)
    except OSError as error:
        raise click.ClickException(f"{error}. Is a gstack running on this home? Use another GSTACK_HOME.") from error


def _announce(url: str) -> None:
    click.echo(f"The sandbox answers at {url}. Keys: {program()} client cloudstack")


def _limit(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in BY_NAME or not number.removeprefix("-").isdigit():
        raise click.UsageError(f"--limit {text}: write TYPE=N, where TYPE is one of {', '.join(BY_NAME)}.")
    return name, int(number)
