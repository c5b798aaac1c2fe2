"""Auth: everything that the OAuth2 server holds, made once from the settings."""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.addresses import Addresses
from gstack.auth.audit import Audit
from gstack.auth.guard import Guard
from gstack.auth.keys import credentials
from gstack.auth.keys.sealing import load_seal
from gstack.auth.keys.standing import Standing
from gstack.auth.limits import Limits
from gstack.auth.oauth.id_tokens import Identities
from gstack.auth.oauth.issuers import Issuers
from gstack.auth.oauth.subjects import Subjects
from gstack.auth.pages.sessions import Sessions
from gstack.auth.store import Credential, Store
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings
from gstack.db.signals import Signal
from gstack.errors import Problem

_UNAUTHORIZED = 401


class Auth:
    """The OAuth2 server. `guard` goes to the gateway's endpoint, `credentials` to the operations runner.

    `home` holds the sealing key and the audit log; without it, the settings' own.
    """

    def __init__(
        self, engine: AsyncEngine, cloudstack: CloudStack, settings: Settings, home: Path | None = None
    ) -> None:
        folder = home or settings.home
        self.cloudstack = cloudstack
        self.settings = settings
        self.store = Store(engine)
        self.sessions = Sessions(engine)
        self.seal = load_seal(folder)
        self.addresses = Addresses(settings)
        self.identities = Identities(self.store, self.seal, self.addresses.public_url, folder)
        self.issuers = Issuers(settings.trust)
        self.subjects = Subjects(engine)
        self.limits = Limits(engine)
        self.audit = Audit(settings.server.audit_log, folder)
        self.standing = Standing(cloudstack)
        self.revocations = Signal(engine, "revoked")
        self.guard = Guard(self.store, self.seal, self.addresses, self.standing, self.revocations)

    async def proved(self, keys: KeyPair) -> Credential:
        """Prove a CloudStack key pair and keep it (see credentials.proved)."""
        credential = await credentials.proved(self.cloudstack, self.store, self.seal, keys)
        self.standing.note(credential.id)
        return credential

    async def in_standing(self, credential_id: str) -> Credential | None:
        """Return a credential that was revoked neither here nor, as far as known, at CloudStack."""
        credential = await self.store.credential(credential_id)
        if credential is None or credential.revoked:
            return None
        try:
            await self.standing.check(credential.id, self.pair_of(credential))
        except Problem as problem:
            if problem.status != _UNAUTHORIZED:
                raise
            return None
        return credential

    async def announce_revocation(self) -> None:
        """Have every process forget what it remembers of tokens, now that something was revoked."""
        self.guard.forget()
        await self.revocations.give()

    def pair_of(self, credential: Credential) -> KeyPair:
        """Return a credential's key pair, unsealed."""
        return credentials.unsealed(self.seal, credential)

    async def credentials(self, credential_id: str) -> KeyPair | None:
        """Return the key pair of a credential, revoked or not: work that began goes on with it."""
        credential = await self.store.credential(credential_id)
        return self.pair_of(credential) if credential else None
