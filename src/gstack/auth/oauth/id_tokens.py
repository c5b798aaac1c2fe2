"""The id tokens that we sign (OpenID Connect Core, 2), and the key that clients check them with.

The RSA key is stored sealed in the database and created on first use, so all replicas have the same one. An earlier
version had it in GSTACK_HOME as `identity.key`; such a file is moved into the database. gcloud reads the `email` in an
id token and checks nothing.
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
_KEY_NAME = "id-token"
_SECONDS = 3600


class IdTokens:
    """Signs id tokens as `issuer`. `home` may contain the key file of an earlier version."""

    def __init__(self, store: Store, seal: Seal, issuer: str, home: Path) -> None:
        self.issuer = issuer
        self._store = store
        self._seal = seal
        self._old_file = home / FILE
        self._key: RSAKey | None = None

    async def sign(self, audience: str, email: str, subject: str, nonce: str = "") -> str:
        """Return an id token for an hour, with the nonce that the client sent (OpenID Connect Core, 3.1.2.1)."""
        key, moment = await self._load(), int(time.time())
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
        key = await self._load()
        return {"keys": [{**key.as_dict(private=False), "kid": _key_id(key), "use": "sig", "alg": "RS256"}]}

    async def _load(self) -> RSAKey:
        """Return the key in the database. If several processes create one at once, the first one's counts."""
        if self._key is None:
            sealed = await self._store.signing_key(_KEY_NAME)
            if sealed is None:
                pem = await asyncio.to_thread(self._create)
                sealed = await self._store.put_signing_key(_KEY_NAME, self._seal.seal(pem))
            self._key = RSAKey.import_key(self._seal.open(sealed))
            self._old_file.unlink(missing_ok=True)
        return self._key

    def _create(self) -> str:
        if self._old_file.exists():
            return self._old_file.read_text()
        return RSAKey.generate_key(2048).as_pem(private=True).decode()


def _key_id(key: RSAKey) -> str:
    return hashlib.sha256(key.as_pem(private=False)).hexdigest()[:40]
