"""`gstack serve`, which is `gstack` too: serve the API, on a configured CloudStack or the sandbox."""

from typing import Any

import click
import msgspec

from gstack import __version__
from gstack.commands.shell import profile, program, settings_of
from gstack.commands.supervisor import ServeError, serve
from gstack.config import Settings, SettingsError, check_known


@click.command("serve", help="Serve the API (the default command).")
@profile
@click.option("--bind", help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--sandbox", is_flag=True, help="Use the sandbox even where a CloudStack is configured.")
@click.option("--cert", type=click.Path(exists=True, dir_okay=False), help="TLS certificate of your own (PEM).")
@click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Its key (PEM).")
@click.option("--insecure-http", is_flag=True, default=None, help="No TLS: on loopback, or behind a trusted proxy.")
@click.option("--trust-proxy", multiple=True, metavar="ADDRESS", help="Proxy or network whose X-Forwarded-* count.")
def command(profile: str, sandbox: bool, trust_proxy: tuple[str, ...], **server: Any) -> None:
    """Serve, and print what to do next."""
    server["trust_proxy"] = trust_proxy or None
    if bool(server["cert"]) != bool(server["key"]):
        raise click.UsageError("--cert and --key go together: give both or neither.")
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
    """Print the ready line, and what to do next."""
    lines = [f"gstack {__version__} is ready: {settings.client_url}", ""]
    lines += _on_sandbox(settings) if on_sandbox else _on_cloudstack(settings)
    click.echo("\n".join(lines))


def _on_sandbox(settings: Settings) -> list[str]:
    return [
        "In another shell, copy and paste:",
        f'  eval "$({program()} client gcloud{_profile_option(settings)})"',
        "  gcloud compute instances create vm1 --zone=sandbox-east1-a",
        "  gcloud compute instances list",
    ]


def _on_cloudstack(settings: Settings) -> list[str]:
    return [
        f"CloudStack: {settings.cloudstack.endpoint}. In another shell, with a key pair of your account there:",
        "  export CLOUDSTACK_KEY=… CLOUDSTACK_SECRET=… PROJECT=…",
        f'  eval "$({program()} client gcloud{_profile_option(settings)} --project=$PROJECT)"',
        "  gcloud compute zones list",
    ]


def _profile_option(settings: Settings) -> str:
    return "" if settings.profile == "initial" else f" -p {settings.profile}"
