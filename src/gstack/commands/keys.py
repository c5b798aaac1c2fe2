"""`gstack keys`: Google service-account keys for CloudStack key pairs."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from gstack.auth.keys import service_accounts
from gstack.auth.keys.service_accounts import Algorithm
from gstack.auth.store import ServiceKey
from gstack.cloudstack.signing import KeyPair
from gstack.commands.auth_database import endpoint_of, open_auth
from gstack.commands.shell import api_key, in_force, key_pair, profile, run, secret_key, show_columns
from gstack.config import Settings
from gstack.errors import Problem
from gstack.tls import write_private


@click.group("keys", help="Google service-account keys for CloudStack key pairs.")
def command() -> None:
    """See the subcommands."""


@command.command("create", help="Make a Google service-account key file for a CloudStack key pair.")
@profile
@api_key
@secret_key
@click.option("--project", help="Project that the file names (default: the account's own).")
@click.option("--label", default="", help="A name for the key, shown in lists.")
@click.option("--expires", type=click.DateTime(), help="When it stops working (UTC).")
@click.option(
    "--algorithm",
    type=click.Choice(get_args(Algorithm)),
    default="RS256",
    show_default=True,
    help="How it signs. Google's clients know only RS256.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write (mode 0600).")
def create(
    profile: str,
    api_key: str | None,
    secret_key: str | None,
    project: str | None,
    label: str,
    expires: datetime | None,
    algorithm: Algorithm,
    output: Path | None,
) -> None:
    """Write the key file to a new file or to standard output."""
    server = in_force(profile)
    deliver = _delivery(output)
    pair = key_pair(server, api_key, secret_key)
    moment = expires.replace(tzinfo=UTC) if expires else None
    work = create_key(server.settings, pair, project=project, label=label, expires=moment, algorithm=algorithm)
    key = run(work)
    deliver(msgspec.json.format(msgspec.json.encode(key), indent=2) + b"\n")
    if output:
        click.echo(f"Wrote {output}: {key['client_email']} (key {key['private_key_id']})")


def _delivery(output: Path | None) -> Callable[[bytes], object]:
    """Return the function that writes the key. Fail before a key is made that could not be written."""
    if output is None:
        return lambda content: click.echo(content.decode(), nl=False)
    if output.exists():
        raise click.ClickException(
            f"{output} is there already. Choose another name, or revoke that key and remove its file first."
        )
    try:
        write_private(output, b"")
    except OSError as error:
        raise click.ClickException(f"Cannot write {output}: {error.strerror}") from error
    output.unlink()
    return lambda content: write_private(output, content)


@command.command("list", help="List the service-account keys of this server.")
@profile
def list_command(profile: str) -> None:
    """Print a line for each key of this server, also for keys that have ended."""
    head = ("KEY", "E-MAIL", "LABEL", "CREATED", "EXPIRES", "LAST USED", "REVOKED")
    show_columns([head, *(_row(key) for key in run(list_keys(in_force(profile).settings)))])


def _row(key: Any) -> tuple[str, ...]:
    times = (key.created, key.expires, key.last_used, key.revoked)
    return (key.key_id, key.email, key.label or "-", *(_shown(moment) for moment in times))


def _shown(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ") if moment else "-"


@command.command("revoke", help="Revoke service-account keys, at once on every worker.")
@profile
@click.argument("key_ids", nargs=-1, required=True)
def revoke(profile: str, key_ids: Sequence[str]) -> None:
    """Revoke all keys that exist, then fail where one does not."""
    settings = in_force(profile).settings
    unknown = []
    for key_id in key_ids:
        revoked = run(revoke_key(settings, key_id))
        if not revoked.found:
            unknown.append(key_id)
            continue
        click.echo(f"Revoked {key_id}")
        if revoked.left:
            click.echo(f"Its key pair is still at CloudStack; delete it there. {revoked.left}", err=True)
    if unknown:
        raise click.ClickException(f"No such key in force: {', '.join(unknown)}. See: gstack keys list")


async def create_key(
    settings: Settings,
    pair: KeyPair,
    *,
    project: str | None,
    label: str = "",
    expires: datetime | None = None,
    algorithm: Algorithm = "RS256",
) -> dict[str, Any]:
    """Make a service-account key for a CloudStack key pair; return Google's key file."""
    async with open_auth(settings) as auth:
        return await service_accounts.create_key(
            auth,
            pair,
            project=project,
            token_uri=f"{settings.client_url}/oauth2/token",
            label=label,
            expires=expires,
            algorithm=algorithm,
        )


async def list_keys(settings: Settings) -> list[ServiceKey]:
    """Return all service-account keys of this server."""
    async with open_auth(settings, reach=False) as auth:
        return await service_accounts.list_keys(auth)


async def revoke_key(settings: Settings, key_id: str) -> service_accounts.Revocation:
    """Revoke a key, and delete the CloudStack pair that was made for it where CloudStack can be reached."""
    try:
        endpoint_of(settings)
        reach = True
    except Problem:  # the sandbox is not running; the key is revoked here all the same
        reach = False
    async with open_auth(settings, reach=reach) as auth:
        return await service_accounts.revoke_key(auth, key_id)
