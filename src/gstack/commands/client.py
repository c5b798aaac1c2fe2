"""`gstack client`: print what makes a client work with this server."""

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
    """Make the key file that it needs once, then print."""
    server = in_force(profile)
    settings = server.settings
    if name == "cloudstack":
        click.echo(_cloudstack(settings))
        return
    pair = key_pair(server, api_key, secret_key)
    click.echo(clients.CLIENTS[name](run(facts(settings, pair, project=chosen["project"], zone=chosen["zone"]))))


def _cloudstack(settings: Settings) -> str:
    """The sandbox's, also where a CloudStack is configured."""
    demo = load_or_create_keys(settings.home)[0]
    try:
        endpoint = endpoint_of(msgspec.structs.replace(settings, cloudstack=CloudStackSettings()))
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    return clients.cloudstack(endpoint, demo.api_key, demo.secret_key)


async def facts(settings: Settings, pair: KeyPair, *, project: str | None, zone: str | None) -> Facts:
    """Everything that a client's settings hold; makes the client's key file when there is none that is still good."""
    key = await _client_key(settings, pair, project)
    authority = Path(settings.server.cert) if settings.server.cert else tls.authority(settings.home)
    url = settings.client_url
    files = _key_files(settings, key, url)
    place = await _place(settings, pair, zone)
    return Facts(
        url=url,
        home=settings.home,
        bundle=bundle(settings.home, authority),
        authority=authority,
        key_file=files[0],
        universe_key_file=files[1],
        email=key["client_email"],
        project=project or key["project_id"],
        zone=place[0],
        region=place[1],
    )


async def _client_key(settings: Settings, pair: KeyPair, project: str | None) -> dict[str, Any]:
    """The key of an earlier call where it still holds, else a new one."""
    async with open_auth(settings) as auth:
        kept = _kept(_client_folder(settings) / "key.json")
        token_uri = f"{settings.client_url}/oauth2/token"
        same = kept.get("token_uri") == token_uri and project in {None, kept.get("project_id")}
        if same and await service_accounts.is_usable(auth, kept["private_key_id"], pair):
            return kept
        return await service_accounts.create_key(
            auth, pair, project=project, token_uri=token_uri, label="gstack client"
        )


def _kept(path: Path) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode(path.read_bytes()))
    except (OSError, msgspec.DecodeError):
        return {}


def _client_folder(settings: Settings) -> Path:
    folder = settings.home / "clients" / settings.profile
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _key_files(settings: Settings, key: dict[str, Any], url: str) -> tuple[Path, Path]:
    """The key twice: as gcloud wants it, and naming us as its universe, for libraries that would tell Google of it."""
    plain, universe = (_client_folder(settings) / name for name in ("key.json", "universe-key.json"))
    tls.write_private(plain, msgspec.json.encode(key))
    tls.write_private(universe, msgspec.json.encode({**key, "universe_domain": url.split("://")[1]}))
    return plain, universe


async def _place(settings: Settings, pair: KeyPair, zone: str | None) -> tuple[str, str]:
    """The zone to work in and its region."""
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
