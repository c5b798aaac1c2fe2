"""`gstack sandbox`: the sandbox alone, a CloudStack for any CloudStack client."""

import os

import rich_click as click

from gstack.commands.shell import program
from gstack.config import home
from gstack.sandbox.server import serve
from gstack.sandbox.settings import SandboxSettings, load_or_create_keys


@click.command("sandbox", help="Run the sandbox alone: a CloudStack for any CloudStack client.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--expunge-allowed", is_flag=True, help="Let ordinary users expunge machines.")
def command(bind: str, port: int, expunge_allowed: bool) -> None:
    """Serve the sandbox in this process."""
    os.umask(0o077)  # accounts' keys are in its files
    folder = home(os.environ)
    settings = SandboxSettings(
        accounts=load_or_create_keys(folder), database=str(folder / "sandbox.db"), expunge_allowed=expunge_allowed
    )
    click.echo(f"The sandbox answers at http://{bind}:{port}/client/api. Keys: {program()} client cloudstack")
    try:
        serve(settings, bind, port, folder / "sandbox.url")
    except OSError as error:
        raise click.ClickException(f"{error}. Is a gstack running on this home? Use another GSTACK_HOME.") from error
