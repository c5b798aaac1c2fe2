"""What the command line does with accounts: service-account keys, and the facts that clients' settings are made from.

It works on the server's database, so it works while the server runs; only proving a key pair needs CloudStack.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from gstack import tls
from gstack.auth.audit import Audit
from gstack.auth.auth import Auth
from gstack.auth.keys import service_accounts
from gstack.auth.store import ServiceKey
from gstack.clients import Facts, bundle
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings
from gstack.db.engine import prepared
from gstack.errors import Problem
from gstack.resources.inventory.zones import Locations, locations


def endpoint_of(settings: Settings) -> str:
    """CloudStack's URL, or the sandbox's where it runs."""
    if settings.cloudstack.endpoint:
        return settings.cloudstack.endpoint
    running = settings.home / "sandbox.url"
    if not running.exists():
        raise Problem.backend("The sandbox does not run. Start it with: gstack serve (or gstack sandbox)")
    return running.read_text("utf-8").strip()


@asynccontextmanager
async def opened(settings: Settings, *, reach: bool = True) -> AsyncIterator[Auth]:
    """The auth room on this profile's database; with `reach`, CloudStack must be known."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    endpoint = endpoint_of(settings) if reach else ""
    engine = await prepared(settings.database_url)
    try:
        async with CloudStack(endpoint, ca_file=settings.cloudstack.ca_file, timeout=10) as cloudstack:
            auth = Auth(engine, cloudstack, settings)
            auth.audit = Audit(settings.server.audit_log, settings.home, sys.stderr)  # our output is for the user
            yield auth
    finally:
        await engine.dispose()


async def create_key(
    settings: Settings,
    pair: KeyPair,
    *,
    project: str | None,
    label: str = "",
    expires: datetime | None = None,
    algorithm: service_accounts.Algorithm = "RS256",
) -> dict[str, Any]:
    """Make a service-account key for a CloudStack key pair; return Google's key file."""
    async with opened(settings) as auth:
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
    """All service-account keys of this server."""
    async with opened(settings, reach=False) as auth:
        return await service_accounts.list_keys(auth)


async def revoke_key(settings: Settings, key_id: str) -> service_accounts.Revocation:
    """Revoke a key, and the CloudStack pair that was made for it where CloudStack can be reached."""
    try:
        endpoint_of(settings)
        reach = True
    except Problem:  # the sandbox does not run: the key is revoked all the same
        reach = False
    async with opened(settings, reach=reach) as auth:
        return await service_accounts.revoke_key(auth, key_id)


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
    async with opened(settings) as auth:
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
    async with CloudStack(endpoint_of(settings), ca_file=settings.cloudstack.ca_file, timeout=10) as cloudstack:
        found: Locations = await locations(cloudstack.client(pair), settings.names)
    if zone:
        place = found.zone("-", zone)
        return place.zone, place.region
    if not found.all:
        raise Problem.bad_request("This account sees no zone. Ask the cloud's administrator.")
    place = next((place for place in found.all if place.zone == place.alias), found.all[0])
    return place.zone, place.region
