"""`gstack client`: print what makes a client work with this server."""

import click
import msgspec

from gstack import accounts, clients
from gstack.commands.shell import api_key, in_force, key_pair, profile, run, secret_key
from gstack.config import CloudStackSettings, Settings
from gstack.errors import Problem
from gstack.sandbox.settings import load_or_create_keys


@click.command("client", help="Print what makes a client work with this server; for eval where it is shell code.")
@click.argument("name", type=click.Choice([*clients.CLIENTS, "cloudstack"]))
@profile
@api_key
@secret_key
@click.option("--project", help="Project to work in (default: the account's own).")
@click.option("--zone", help="Zone to work in (default: the first with a name that every client can take apart).")
def command(name: str, profile: str, api_key: str | None, secret_key: str | None, **chosen: str | None) -> None:
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
    """The sandbox's, also where a CloudStack is configured."""
    demo = load_or_create_keys(settings.home)[0]
    try:
        endpoint = accounts.endpoint_of(msgspec.structs.replace(settings, cloudstack=CloudStackSettings()))
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    return clients.cloudstack(endpoint, demo.api_key, demo.secret_key)
