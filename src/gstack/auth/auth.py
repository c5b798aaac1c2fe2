"""Auth: all parts of the OAuth2 server, built once from the settings."""

import time
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.addresses import Addresses
from gstack.auth.audit import Audit
from gstack.auth.guard import Guard
from gstack.auth.keys import credentials
from gstack.auth.keys.credentials import PairChecker, unseal_pair
from gstack.auth.keys.sealing import load_seal
from gstack.auth.limits import Limits
from gstack.auth.oauth.id_tokens import IdTokens
from gstack.auth.oauth.issuers import Issuers
from gstack.auth.pages.sessions import Sessions
from gstack.auth.store import Credential, Store
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings
from gstack.db.signals import Signal
from gstack.errors import Problem

_UNAUTHORIZED = 401
_PRUNE_SECONDS = 600.0


class Auth:
    """The OAuth2 server. `guard` is for the gateway's endpoint, `key_pair` for the operations runner.

    `home` contains the sealing key and the audit log. It defaults to the settings' own.
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
        self.id_tokens = IdTokens(self.store, self.seal, self.addresses.public_url, folder)
        self.issuers = Issuers(settings.trust)
        self.limits = Limits(engine)
        self.audit = Audit(settings.server.audit_log, folder)
        self.checker = PairChecker(cloudstack)
        self.revocations = Signal(engine, "revoked")
        self._pruned = float("-inf")  # by the monotonic clock
        self.guard = Guard(self.store, self.seal, self.addresses, self.checker, self.revocations)

    async def verify_pair(self, keys: KeyPair) -> Credential:
        """Verify a CloudStack key pair and store it (see credentials.register)."""
        credential = await credentials.register(self.cloudstack, self.store, self.seal, keys)
        self.checker.record(credential.id)
        return credential

    async def usable_credential(self, credential_id: str) -> Credential | None:
        """Return a credential; None if it was revoked here or, as far as we can tell, in CloudStack."""
        credential = await self.store.credential(credential_id)
        if credential is None or credential.revoked:
            return None
        try:
            await self.checker.check(credential.id, unseal_pair(self.seal, credential))
        except Problem as problem:
            if problem.status != _UNAUTHORIZED:
                raise
            return None
        return credential

    async def announce_revocation(self) -> None:
        """Make every process forget the callers that it remembers, because something was revoked."""
        self.guard.forget()
        await self.revocations.give()

    async def prune(self) -> None:
        """Delete tokens, codes and failures that are long over, at most every ten minutes.

        Call it wherever requests without proof add rows.
        """
        if self._pruned + _PRUNE_SECONDS < time.monotonic():
            self._pruned = time.monotonic()
            await self.store.prune()
            await self.limits.prune()

    async def key_pair(self, credential_id: str) -> KeyPair | None:
        """Return the key pair of a credential, even a revoked one, so that operations in progress can finish."""
        credential = await self.store.credential(credential_id)
        return unseal_pair(self.seal, credential) if credential else None
