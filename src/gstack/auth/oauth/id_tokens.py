"""Who: the id tokens that we sign (OpenID Connect Core, 2), and the key that clients check them with.

The RSA key lies sealed in the database, made on first use, so that all replicas have the same. A server that kept it as
`identity.key` in GSTACK_HOME brings it along. gcloud reads the `email` inside and checks nothing.
"""

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from gstack.auth.keys.sealing import Seal
from gstack.auth.store import Store

FILE = "identity.key"
_ID = "id-token"
_SECONDS = 3600


class Identities:
    """Signs id tokens as `issuer`. `home` is looked into once, for the key of an earlier version."""

    def __init__(self, store: Store, seal: Seal, issuer: str, home: Path) -> None:
        self.issuer = issuer
        self._store = store
        self._seal = seal
        self._old = home / FILE
        self._key: RSAKey | None = None

    async def token(self, audience: str, email: str, subject: str, nonce: str = "") -> str:
        """Return an id token for an hour, with the nonce that the client sent (OpenID Connect Core, 3.1.2.1)."""
        key, moment = await self._loaded(), int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "azp": audience,
            "sub": subject,
            "email": email,
            "email_verified": True,
            "iat": moment,
            "exp": moment + _SECONDS,
        }
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode({"alg": "RS256", "kid": _key_id(key)}, claims, key)

    async def public_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set that id tokens are checked with."""
        key = await self._loaded()
        return {"keys": [{**key.as_dict(private=False), "kid": _key_id(key), "use": "sig", "alg": "RS256"}]}

    async def _loaded(self) -> RSAKey:
        """The key of the database; of several processes that make one at once, the first one's."""
        if self._key is None:
            sealed = await self._store.signing_key(_ID)
            if sealed is None:
                made = await asyncio.to_thread(self._made)
                sealed = await self._store.keep_signing_key(_ID, self._seal.seal(made))
            self._key = RSAKey.import_key(self._seal.open(sealed))
            self._old.unlink(missing_ok=True)
        return self._key

    def _made(self) -> str:
        if self._old.exists():
            return self._old.read_text()
        return RSAKey.generate_key(2048).as_pem(private=True).decode()


def _key_id(key: RSAKey) -> str:
    return hashlib.sha256(key.as_pem(private=False)).hexdigest()[:40]
