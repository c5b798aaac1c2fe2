"""`gstack client`: print what makes a client work with this server."""

import hashlib
from pathlib import Path
from typing import Any

import click
import msgspec

from gstack import clients, tls
from gstack.auth.keys import service_accounts
from gstack.clients import Facts, bundle
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.commands.auth_database import endpoint_of, open_auth
from gstack.commands.shell import api_key, in_force, key_pair, profile, run, secret_key
from gstack.config import CloudStackSettings, Settings
from gstack.errors import Problem
from gstack.resources.inventory.zones import locations
from gstack.sandbox.settings import load_or_create_keys


@click.command("client", help="Print what makes a client work with this server; for eval where it is shell code.")
@click.argument("name", type=click.Choice([*clients.CLIENTS, "cloudstack"]))
@profile
@api_key
@secret_key
@click.option("--project", help="Project to work in (default: the account's own).")
@click.option("--zone", help="Zone to work in (default: the first with a name that every client can take apart).")
def command(name: str, profile: str, api_key: str | None, secret_key: str | None, **chosen: str | None) -> None:
    """Make the key file of the client where there is none, then print the settings."""
    server = in_force(profile)
    settings = server.settings
    if name == "cloudstack":
        click.echo(_cloudstack(settings))
        return
    pair = key_pair(server, api_key, secret_key)
    click.echo(clients.CLIENTS[name](run(facts(settings, pair, project=chosen["project"], zone=chosen["zone"]))))


def _cloudstack(settings: Settings) -> str:
    """Return the settings of the sandbox's demo account, even where a CloudStack is configured."""
    demo = load_or_create_keys(settings.home)[0]
    try:
        endpoint = endpoint_of(msgspec.structs.replace(settings, cloudstack=CloudStackSettings()))
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    return clients.cloudstack(endpoint, demo.api_key, demo.secret_key)


async def facts(settings: Settings, pair: KeyPair, *, project: str | None, zone: str | None) -> Facts:
    """Return what the settings of a client are made from. A key file is written where no earlier one is still good.

    Each key pair, project and profile has a folder of its own: the settings of one stay good when others are printed.
    """
    chosen = hashlib.sha256(f"{pair.api_key} {project or ''}".encode()).hexdigest()[:12]
    folder = settings.home / "clients" / settings.profile / chosen
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = await _client_key(settings, pair, project, folder / "key.json")
    authority = Path(settings.server.cert) if settings.server.cert else tls.authority(settings.home)
    url = settings.client_url
    # Twice: gcloud refuses a key that names a universe, and other libraries show a key without one to Google.
    tls.write_private(folder / "key.json", msgspec.json.encode(key))
    universe_key = {**key, "universe_domain": url.split("://")[1]}
    tls.write_private(folder / "universe-key.json", msgspec.json.encode(universe_key))
    place = await _place(settings, pair, zone)
    return Facts(
        url=url,
        home=folder,
        bundle=bundle(folder, authority),
        authority=authority,
        key_file=folder / "key.json",
        universe_key_file=folder / "universe-key.json",
        email=key["client_email"],
        project=project or key["project_id"],
        zone=place[0],
        region=place[1],
    )


async def _client_key(settings: Settings, pair: KeyPair, project: str | None, path: Path) -> dict[str, Any]:
    """Return the key in the file where it is still good, else a new one."""
    token_uri = f"{settings.client_url}/oauth2/token"
    key = _read(path)
    async with open_auth(settings) as auth:
        if key.get("token_uri") == token_uri and await service_accounts.is_usable(auth, key["private_key_id"], pair):
            return key
        return await service_accounts.create_key(
            auth, pair, project=project, token_uri=token_uri, label="gstack client"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode(path.read_bytes()))
    except (OSError, ValueError, TypeError):  # there is no file yet, or it is not one of ours
        return {}


async def _place(settings: Settings, pair: KeyPair, zone: str | None) -> tuple[str, str]:
    """Return the zone to work in and its region."""
    async with CloudStack(
        endpoint_of(settings), ca_file=settings.cloudstack.ca_file, timeout=settings.cloudstack.timeout
    ) as cloudstack:
        found = await locations(cloudstack.client(pair), settings.names)
    if zone:
        place = found.zone("-", zone)
        return place.zone, place.region
    if not found.all:
        raise Problem.bad_request("This account sees no zone. Ask the cloud's administrator.")
    place = next((place for place in found.all if place.zone == place.alias), found.all[0])
    return place.zone, place.region
