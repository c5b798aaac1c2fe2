"""The command `gstack`: serve (default), configure, sandbox, keys, apps, trust, rotate-key, client, doctor."""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from gstack import __version__, accounts, app_commands, clients, configure, doctor, key_commands, rotation, trusting
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings, SettingsError, check_known, home
from gstack.errors import Problem
from gstack.sandbox.server import serve as serve_sandbox
from gstack.sandbox.settings import SandboxSettings, load_or_create_keys
from gstack.serving import ServeError, serve
from gstack.shell import api_key, in_force, key_pair, profile, run, secret_key, settings_of


class _Group(click.RichGroup):
    """`gstack` alone, and `gstack --port 5001`, mean `gstack serve …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_serve = not args or (args[0].startswith("-") and args[0] not in {"--help", "--version"})
        return super().parse_args(ctx, ["serve", *args] if is_serve else args)


@click.group(cls=_Group, help="Google Compute Engine's API on Apache CloudStack, or on a sandbox of its own.")
@click.version_option(__version__, prog_name="gstack")
def cli() -> None:
    """See the subcommands."""


cli.add_command(app_commands.group)
cli.add_command(configure.command)
cli.add_command(key_commands.group)
cli.add_command(rotation.command)
cli.add_command(trusting.group)


@cli.command("serve", help="Serve the API (the default command).")
@profile
@click.option("--bind", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--sandbox", is_flag=True, help="Use the sandbox even where a CloudStack is configured.")
@click.option("--cert", type=click.Path(exists=True, dir_okay=False), help="TLS certificate of your own (PEM).")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Its key (PEM).")
@click.option("--insecure-http", is_flag=True, default=None, help="No TLS: on loopback, or behind a trusted proxy.")
@click.option("--trust-proxy", multiple=True, metavar="ADDRESS", help="Proxy or network whose X-Forwarded-* count.")
def serve_command(profile: str, sandbox: bool, trust_proxy: tuple[str, ...], **server: Any) -> None:
    """Start and say what to do next."""
    server["trust_proxy"] = trust_proxy or None
    if bool(server["cert"]) != bool(server["key"]):
        raise click.UsageError("--cert and --key go together.")
    settings = settings_of(profile, {"server": server})
    if sandbox:
        settings = msgspec.structs.replace(
            settings, cloudstack=msgspec.structs.replace(settings.cloudstack, endpoint="")
        )
    on_sandbox = not settings.cloudstack.endpoint
    if on_sandbox:
        _check_meant(settings, sandbox=sandbox)
        click.echo("No CloudStack is configured: starting the built-in sandbox." if not sandbox else "Sandbox.")
    try:
        serve(settings, lambda running: _ready(running, on_sandbox=on_sandbox))
    except (ServeError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _check_meant(settings: Settings, *, sandbox: bool) -> None:
    try:
        if not sandbox:
            check_known(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _ready(settings: Settings, *, on_sandbox: bool) -> None:
    url, program = accounts.url_of(settings), _program()
    lines = [f"gstack {__version__} is ready: {url}", ""]
    if on_sandbox:
        lines += [
            "In another shell, copy and paste:",
            f'  eval "$({program} client gcloud{_profile_option(settings)})"',
            "  gcloud compute instances create vm1 --zone=sandbox-east1-a",
            "  gcloud compute instances list",
        ]
    else:
        lines += [
            f"CloudStack: {settings.cloudstack.endpoint}. In another shell, with a key pair of your account there:",
            "  export CLOUDSTACK_KEY=… CLOUDSTACK_SECRET=… PROJECT=…",
            f'  eval "$({program} client gcloud{_profile_option(settings)} --project=$PROJECT)"',
            "  gcloud compute zones list",
        ]
    click.echo("\n".join(lines))


def _program() -> str:
    """How this program was called, so that what we print can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "gstack":
        return "gstack"
    inside = Path(os.path.relpath(called))
    return str(called) if str(inside).startswith("..") else str(inside)


def _profile_option(settings: Settings) -> str:
    return "" if settings.profile == "initial" else f" -p {settings.profile}"


@cli.command("sandbox", help="Run the sandbox alone: a CloudStack for any CloudStack client.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--expunge-allowed", is_flag=True, help="Let ordinary users expunge machines.")
def sandbox_command(bind: str, port: int, expunge_allowed: bool) -> None:
    """Serve the sandbox in this process."""
    os.umask(0o077)  # accounts' keys are in its files
    folder = home(os.environ)
    settings = SandboxSettings(
        accounts=load_or_create_keys(folder), database=str(folder / "sandbox.db"), expunge_allowed=expunge_allowed
    )
    click.echo(f"The sandbox answers at http://{bind}:{port}/client/api. Keys: {_program()} client cloudstack")
    try:
        serve_sandbox(settings, bind, port, folder / "sandbox.url")
    except OSError as error:
        raise click.ClickException(f"{error}. Is a gstack running on this home? Use another GSTACK_HOME.") from error


@cli.command("client", help="Print what makes a client work with this server; for eval where it is shell code.")
@click.argument("name", type=click.Choice([*clients.CLIENTS, "cloudstack"]))
@profile
@api_key
@secret_key
@click.option("--project", help="Project to work in (default: the account's own).")
@click.option("--zone", help="Zone to work in (default: the first with a name that every client can take apart).")
def client_command(name: str, profile: str, api_key: str | None, secret_key: str | None, **chosen: str | None) -> None:
    """Make the key file that it needs once, then print."""
    server = in_force(profile)
    settings = server.settings
    if name == "cloudstack":
        click.echo(_cloudstack(settings))
        return
    pair = key_pair(server, api_key, secret_key)
    facts = run(accounts.facts(settings, pair, project=chosen["project"], zone=chosen["zone"]))
    click.echo(clients.CLIENTS[name](facts))


def _cloudstack(settings: Settings) -> str:
    demo = load_or_create_keys(settings.home)[0]
    try:
        endpoint = accounts.endpoint_of(msgspec.structs.replace(settings, cloudstack=type(settings.cloudstack)()))
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    return clients.cloudstack(endpoint, demo.api_key, demo.secret_key)


@cli.command("doctor", help="Say what is wrong with this server and its CloudStack, and what to do.")
@profile
@api_key
@secret_key
def doctor_command(profile: str, api_key: str | None, secret_key: str | None) -> None:
    """Print the findings; the exit code is 1 where something is wrong."""
    settings = in_force(profile).settings
    pair = KeyPair(api_key, secret_key) if api_key and secret_key else None
    wrong = False
    for finding in doctor.examine(settings, accounts.url_of(settings), pair):
        mark = "✗" if finding.advice else "✓"
        click.echo(
            f"{mark} {finding.subject}: {finding.text}" + (f"\n    → {finding.advice}" if finding.advice else "")
        )
        wrong |= bool(finding.advice)
    sys.exit(1 if wrong else 0)


def main() -> None:
    """The command `gstack`."""
    cli(prog_name="gstack")
