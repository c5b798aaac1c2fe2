"""The auth room over HTTP: its routes on a Falcon app, its database in a file, and a sandbox behind it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import falcon.asgi
import pytest
from falcon.testing import ASGIConductor

from auth.room import Room
from fixtures.postgresql import database_of
from gstack.auth.auth import Auth
from gstack.auth.mounting import mount
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings
from gstack.db.engine import create_engine
from gstack.db.tables import metadata
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account
from gstack.surroundings import ConsoleSurroundings


@pytest.fixture(scope="session")
def sandbox() -> Iterator[ThreadedSandbox]:
    """One sandbox for all tests of this folder: they change nothing in it."""
    with running(SandboxSettings((new_account("demo"), new_account("other")), job_delay=0)) as server:
        yield server


@pytest.fixture
async def room(sandbox: ThreadedSandbox, tmp_path: Path) -> AsyncIterator[Room]:
    """A fresh auth room."""
    settings = Settings(home=tmp_path / "home", database=database_of(tmp_path / "home"))
    settings.home.mkdir(mode=0o700)
    engine = create_engine(settings.database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with CloudStack(sandbox.url) as cloudstack:
        auth = Auth(engine, cloudstack, settings)
        app: falcon.asgi.App[Any, Any] = falcon.asgi.App()
        mount(app, auth, ConsoleSurroundings(settings, cloudstack))
        pairs = {known.name: KeyPair(known.api_key, known.secret_key) for known in sandbox.sandbox.settings.accounts}
        async with ASGIConductor(app) as http:
            room = Room(auth, engine, http, pairs)
            room.passwords = {known.name: known.password for known in sandbox.sandbox.settings.accounts}
            yield room
    await engine.dispose()
