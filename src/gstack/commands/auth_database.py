"""How commands open what the server keeps of keys, clients and mappings: its database, whether the server runs or not.

CloudStack is needed only to prove a key pair or to delete one.
"""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from gstack.auth.audit import Audit
from gstack.auth.auth import Auth
from gstack.cloudstack.client import CloudStack
from gstack.config import Settings
from gstack.db.engine import prepared
from gstack.errors import Problem


def endpoint_of(settings: Settings) -> str:
    """Return the URL of CloudStack, or of the sandbox. Raises Problem where the sandbox does not run."""
    if settings.cloudstack.endpoint:
        return settings.cloudstack.endpoint
    file = settings.home / "sandbox.url"
    url = file.read_text("utf-8").strip() if file.exists() else ""
    if not url or not _listens(url):  # a sandbox that was killed leaves its file
        raise Problem.backend("The sandbox is not running. Start it with: gstack serve (or gstack sandbox)")
    return url


def _listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=2).close()
    except OSError:
        return False
    return True


@asynccontextmanager
async def open_auth(settings: Settings, *, reach: bool = True) -> AsyncIterator[Auth]:
    """Open auth on the database of this profile. Without `reach` the block sends nothing to CloudStack."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    endpoint = endpoint_of(settings) if reach else ""
    engine = await prepared(settings.database_url)
    try:
        async with CloudStack(
            endpoint, ca_file=settings.cloudstack.ca_file, timeout=settings.cloudstack.timeout
        ) as cloudstack:
            auth = Auth(engine, cloudstack, settings)
            auth.audit = Audit(settings.server.audit_log, settings.home, sys.stderr)  # standard output is for the user
            yield auth
    finally:
        await engine.dispose()
