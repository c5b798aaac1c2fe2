"""Settings in, ASGI app out; the only file that imports every part.

One app lives in each worker process. Pools open lazily and background tasks start with the worker's event loop
(`process_startup`); when it stops, operations in flight give their leases back and another worker, or the next start,
goes on with them.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import msgspec
from falcon.asgi import Request, Response

from gstack import __version__, clients, logs, resources, tls
from gstack.auth import routes
from gstack.auth.auth import Auth
from gstack.auth.pages.console import Zone
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import PARENT_VARIABLE, SETTINGS_VARIABLE, Settings
from gstack.config import decode as decode_settings
from gstack.db.engine import create_engine, migrate
from gstack.db.sidecar import Sidecar
from gstack.gateway import batch, documents, endpoint
from gstack.gateway.call import Services
from gstack.gateway.connections import Connections
from gstack.gateway.entrance import Entrance
from gstack.operations.crash_switch import crash_switch
from gstack.operations.journal import Journal
from gstack.resources.inventory.zones import Location, listed_zone, locations
from gstack.resources.project.owners import resolve_owner

_GRACE = 10.0  # seconds that operations in flight get to reach a step that can be resumed
_WATCH = 1.0  # seconds between two looks at the parent


Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def create(settings: Settings) -> Asgi:
    """Build the whole product for one worker."""
    resources.load()
    parts = _Parts(settings)
    app = falcon.asgi.App()
    app.add_middleware(_Life(parts))
    app.add_route("/healthz", _Health())
    mount_auth(app, parts.auth)
    endpoint.mount(app, parts.services)
    batch.mount(app, settings)
    documents.mount(app, settings)
    return Connections(Entrance(app, settings), settings, _replace_worker)


def from_environment() -> Asgi:
    """What a worker process runs: the app of the settings that `gstack serve` left in the environment."""
    settings = decode_settings(os.environ[SETTINGS_VARIABLE])
    logs.configure(settings.server.log_level)
    return create(settings)


def mount_auth(app: falcon.asgi.App[Any, Any], auth: Auth) -> None:
    """Mount the OAuth2 server. Its console also shows zones, settings for clients, and our certificate."""
    settings, cloudstack = auth.settings, auth.cloudstack

    async def zones(keys: KeyPair) -> list[Zone]:
        found = await locations(cloudstack.client(keys), settings.names)
        plain_first = sorted(found.all, key=lambda location: (location.zone != location.alias, location.zone))
        return [Zone(location.zone, location.region, _network_kind(location)) for location in plain_first]

    def certificate() -> bytes:
        return tls.certificates(Path(settings.server.cert or tls.authority(settings.home)))

    routes.mount(app, auth, zones, clients.console_texts, certificate)


def _network_kind(location: Location) -> str:
    if not location.advanced:
        return "basic network with security groups"
    return "security groups" if location.security_groups else "VPC networks"


class _Parts:
    """The parts of one worker, wired."""

    def __init__(self, settings: Settings) -> None:
        cloudstack = settings.cloudstack
        self.engine = create_engine(settings.database_url)
        self.cloudstack = CloudStack(
            cloudstack.endpoint,
            ca_file=cloudstack.ca_file,
            timeout=cloudstack.timeout,
            page_size=cloudstack.page_size,
            reference_seconds=cloudstack.reference_seconds,
        )
        self.auth = Auth(self.engine, self.cloudstack, settings)
        sidecar = Sidecar(self.engine)
        self.journal = Journal(
            self.engine,
            self.cloudstack,
            self.auth.key_pair,
            settings.operations,
            sidecar,
            crash_switch(os.environ),
            cloud=settings.cloud,
        )
        self.services = Services(
            settings=settings,
            cloudstack=self.cloudstack,
            sidecar=sidecar,
            journal=self.journal,
            guard=self.auth.guard,
            audit=self.auth.audit.write,
            resolve_owner=resolve_owner,
            listed_zone=partial(listed_zone, names=settings.names),
        )


class _Life:
    """The worker's beginning and end."""

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts
        self._watch: asyncio.Task[None] | None = None

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002  # falcon's
        await migrate(self._parts.engine)
        await self._parts.journal.start_background()
        self._parts.auth.revocations.listen()
        if parent := os.environ.get(PARENT_VARIABLE):
            self._watch = asyncio.create_task(_end_with(int(parent)))

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002  # falcon's
        if self._watch:
            self._watch.cancel()
        await self._parts.auth.revocations.stop()
        await self._parts.journal.stop(_GRACE)
        await self._parts.cloudstack.close()
        await self._parts.engine.dispose()


def _replace_worker() -> None:
    """Have `gstack serve` start new workers and end this one when its requests are answered."""
    if parent := os.environ.get(PARENT_VARIABLE):
        os.kill(int(parent), signal.SIGHUP)


async def _end_with(parent: int) -> None:
    """Stop this worker when `gstack serve` was killed: nobody else would, and it would keep the port."""
    while os.getppid() == parent:  # noqa: ASYNC110  # no event tells of it
        await asyncio.sleep(_WATCH)
    os.kill(os.getpid(), signal.SIGTERM)


class _Health:
    """`/healthz`: this worker answers. It asks nobody else, so that a silent CloudStack does not restart us."""

    async def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002  # falcon's
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"status": "ok", "version": __version__})
