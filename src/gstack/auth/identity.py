"""Who: the id tokens that we sign (OpenID Connect Core, 2), and the key that clients check them with.

The RSA key lies in GSTACK_HOME as `identity.key`, mode 0600, made on first use. Replicas share it as they share the
sealing key. gcloud reads the `email` inside and checks nothing.
"""

import hashlib
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from gstack.auth.sealing import keep_once

FILE = "identity.key"
_SECONDS = 3600


class Identities:
    """Signs id tokens as `issuer`."""

    def __init__(self, home: Path, issuer: str) -> None:
        self.issuer = issuer
        self._path = home / FILE

    def token(self, audience: str, email: str, subject: str) -> str:
        """Return an id token for an hour."""
        moment = int(time.time())
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
        return jwt.encode({"alg": "RS256", "kid": self._key_id}, claims, self._key)

    def public_keys(self) -> dict[str, Any]:
        """Return the JSON Web Key Set that id tokens are checked with."""
        return {"keys": [{**self._key.as_dict(private=False), "kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    @cached_property
    def _key(self) -> RSAKey:
        return RSAKey.import_key(keep_once(self._path, lambda: RSAKey.generate_key(2048).as_pem(private=True)))

    @cached_property
    def _key_id(self) -> str:
        return hashlib.sha256(self._key.as_pem(private=False)).hexdigest()[:40]
