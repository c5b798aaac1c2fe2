"""The OAuth2 server over HTTP: its routes on a Falcon app, with a database and a sandbox behind it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import falcon.asgi
import pytest
from falcon.testing import ASGIConductor

from auth.room import Room
from fixtures.postgresql import database_of
from fixtures.secrecy import Eavesdropper, keep_log, note_secrets, secrets_of_home
from gstack.app import mount_auth
from gstack.auth.auth import Auth
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings
from gstack.db.engine import create_engine
from gstack.db.tables import metadata
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account


class _Heard(falcon.asgi.App[Any, Any]):
    """An app that records its secrets, because at the end of the suite none may be in a log."""

    async def __call__(  # type: ignore[override]  # Falcon is typed for WSGI here
        self, scope: Any, receive: Any, send: Any
    ) -> None:
        once_read = {"headers": [tuple(pair) for pair in scope["headers"]]} if "headers" in scope else {}
        await Eavesdropper(super().__call__)({**scope, **once_read}, receive, send)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[ThreadedSandbox]:
    """One sandbox for all tests in this folder that change nothing in it."""
    with running(SandboxSettings((new_account("demo"), new_account("other")), job_delay=0)) as server:
        yield server


@pytest.fixture
async def room(sandbox: ThreadedSandbox, tmp_path: Path) -> AsyncIterator[Room]:
    """A fresh OAuth2 server."""
    settings = Settings(home=tmp_path / "home", database=database_of(tmp_path / "home"))
    settings.home.mkdir(mode=0o700)
    engine = create_engine(settings.database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with CloudStack(sandbox.url) as cloudstack:
        auth = Auth(engine, cloudstack, settings)
        app = _Heard()
        mount_auth(app, auth)
        accounts = sandbox.sandbox.settings.accounts
        pairs = {account.name: KeyPair(account.api_key, account.secret_key) for account in accounts}
        async with ASGIConductor(app) as http:
            room = Room(auth, engine, http, pairs)
            room.passwords = {account.name: account.password for account in accounts}
            note_secrets(pair.secret_key for pair in pairs.values())
            note_secrets(room.passwords.values())
            yield room
    await engine.dispose()
    log = settings.home / "audit.log"
    keep_log(log.read_text() if log.exists() else "")
    note_secrets(secrets_of_home(settings.home))
