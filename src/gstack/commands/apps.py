"""`gstack apps`: OAuth clients of the operator, whose users sign in at the pages of this server."""

import click

from gstack.auth.oauth import clients
from gstack.auth.oauth.clients import OAuthClient
from gstack.commands.auth_database import open_auth
from gstack.commands.shell import in_force, profile, run
from gstack.config import Settings


@click.group("apps", help="OAuth clients whose users sign in at this server's pages.")
def command() -> None:
    """See the subcommands."""


@command.command("add", help="Register a client. Its users see NAME when they are asked for consent.")
@profile
@click.argument("name")
@click.option("--redirect-uri", "uris", multiple=True, required=True, help="Where codes may go: https, or localhost.")
@click.option("--public", is_flag=True, help="A program on the machine of its user, which cannot keep a secret.")
def add(profile: str, name: str, uris: tuple[str, ...], public: bool) -> None:
    """Print what the client needs. The secret is shown only here."""
    client, secret = run(_add(in_force(profile).settings, name, uris, public=public))
    click.echo(f"client_id: {client.id}")
    if secret:
        click.echo(f"client_secret: {secret}")


async def _add(settings: Settings, name: str, uris: tuple[str, ...], *, public: bool) -> tuple[OAuthClient, str]:
    async with open_auth(settings, reach=False) as auth:
        created = await clients.register(auth.store.engine, name, uris, public=public)
        auth.audit.write("app", what="registered", client=created[0].id, who="operator", result="done")
        return created


@command.command("list", help="List the registered clients.")
@profile
def show(profile: str) -> None:
    """Print a line for each client: id, kind, redirects, name."""
    for client in run(_all(in_force(profile).settings)):
        kind = "confidential" if client.secret_needed else "public"
        click.echo(f"{client.id}  {kind}  {' '.join(client.redirect_uris)}  {client.name}")


async def _all(settings: Settings) -> list[OAuthClient]:
    async with open_auth(settings, reach=False) as auth:
        return await clients.list_registered(auth.store.engine)


@command.command("remove", help="Remove a client. It gets no more tokens; those that it has end within an hour.")
@profile
@click.argument("client_id")
def remove(profile: str, client_id: str) -> None:
    """Remove it. An unknown client is an error."""
    if not run(_remove(in_force(profile).settings, client_id)):
        raise click.ClickException(f"No such client: {client_id}. See: gstack apps list")
    click.echo(f"Removed {client_id}")


async def _remove(settings: Settings, client_id: str) -> bool:
    async with open_auth(settings, reach=False) as auth:
        found = await clients.remove(auth.store.engine, client_id)
        auth.audit.write(
            "app", what="removed", client=client_id, who="operator", result="done" if found else "notFound"
        )
        return found
