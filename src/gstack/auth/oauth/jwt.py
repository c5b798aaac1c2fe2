"""JWTs that clients sign: reading, the signature, the times. What they say is judged by who asked for them.

Only RS256 and ES256 exist here, and the registered key decides which: the header's `alg` can never choose. libcloud
writes base64 with `=`; the signature covers the text as it was sent, so padding is kept for it.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

SKEW = 60  # seconds that clocks may differ
LIFETIME = 3600  # Google's limit for a signed assertion
_SIZE = 8192  # characters; Google's clients send about 900

_REGISTRY = JWSRegistry(algorithms=["RS256", "ES256"])

PublicKey = RSAKey | ECKey


class UntrustedError(Exception):
    """The JWT proves nothing. The text says why and is fit for the client."""


class Header(msgspec.Struct, frozen=True):
    """The protected header, as far as it counts."""

    alg: str
    kid: str = ""
    crit: Any = None  # extensions that must be understood: we know none


class Claims(msgspec.Struct, frozen=True):
    """What the JWT says. Times in seconds since 1970."""

    iss: str
    exp: float
    sub: str = ""
    aud: str | list[str] | None = None
    iat: float | None = None
    nbf: float | None = None
    scope: str | None = None
    target_audience: str | None = None

    @property
    def audiences(self) -> tuple[str, ...]:
        """The audiences named; an empty one counts as none."""
        named = self.aud if isinstance(self.aud, list) else [self.aud or ""]
        return tuple(audience for audience in named if audience)


class Signed(msgspec.Struct, frozen=True):
    """A JWT taken apart, nothing of it proven yet."""

    header: Header
    claims: Claims
    signed: bytes
    signature: bytes


def looks_signed(token: str) -> bool:
    """True for a compact JWT; our own tokens have no JSON object in front."""
    return token.startswith("eyJ") and token.count(".") == 2  # noqa: PLR2004  # header.claims.signature


def read(token: str) -> Signed:
    """Take a compact JWT apart. Raises UntrustedError where it is none."""
    if len(token) > _SIZE or not token.isascii() or token.count(".") != 2:  # noqa: PLR2004  # header.claims.signature
        raise UntrustedError("This is no compact JWT.")
    head, body, signature = token.split(".")
    try:
        header = msgspec.json.decode(_plain(_decoded(head)), type=Header)
        claims = msgspec.json.decode(_plain(_decoded(body)), type=Claims)
        return Signed(header, claims, f"{head}.{body}".encode(), _decoded(signature))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UntrustedError("The JWT cannot be read: it needs alg, iss and exp at least.") from error


def all_claims(signed: Signed) -> dict[str, Any]:
    """Return every claim of a JWT that was read."""
    return dict(msgspec.json.decode(_decoded(signed.signed.decode().split(".")[1])))


def _plain(text: bytes) -> bytes:
    """JSON without U+0000, which PostgreSQL's text cannot hold; unescaped it is no JSON anyway."""
    if b"\\u0000" in text:
        raise ValueError("U+0000")
    return text


def _decoded(segment: str) -> bytes:
    plain = segment.rstrip("=")
    if "+" in plain or "/" in plain:
        raise binascii.Error("not base64url")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


def public_key(pem: str) -> PublicKey:
    """Parse a registered public key."""
    is_rsa = isinstance(load_pem_public_key(pem.encode()), RSAPublicKey)
    return RSAKey.import_key(pem) if is_rsa else ECKey.import_key(pem)


def check_signature(jwt: Signed, key: PublicKey) -> None:
    """Raise UntrustedError unless this key made the signature, by the one algorithm of its kind."""
    algorithm = _REGISTRY.get_alg("RS256" if isinstance(key, RSAKey) else "ES256")
    if jwt.header.alg != algorithm.name or jwt.header.crit is not None:
        raise UntrustedError("The JWT's algorithm is not the one of the registered key.")
    if not _verified(algorithm.verify, jwt, key):
        raise UntrustedError("Invalid JWT Signature.")


def _verified(verify: Callable[[bytes, bytes, Any], bool], jwt: Signed, key: PublicKey) -> bool:
    try:
        return verify(jwt.signed, jwt.signature, key)
    except (JoseError, ValueError):
        return False


def check_times(claims: Claims, now: float, lifetime: int = LIFETIME) -> None:
    """Raise UntrustedError unless the JWT is in force, and for an hour at most (RFC 7519, 4.1; Google's limit)."""
    if claims.exp <= now - SKEW:
        raise UntrustedError("The JWT has expired. Check the clock of the machine that signs.")
    if claims.exp > now + lifetime + SKEW:
        raise UntrustedError(f"The JWT must be short-lived: exp may lie {lifetime // 3600} hour(s) ahead at most.")
    begins = max(claims.iat or 0.0, claims.nbf or 0.0)
    if begins > now + SKEW:
        raise UntrustedError("The JWT is not valid yet. Check the clock of the machine that signs.")
