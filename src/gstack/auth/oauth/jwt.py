"""JWTs that clients sign: how they are read, their signature and times, and which service-account key signed one.

What a JWT says is judged by whoever asked for it. Only RS256 and ES256 are accepted, and the registered key decides
which: the header's `alg` can never choose. libcloud writes base64 with `=`; the signature covers the text as it was
sent, so the padding must stay in it.
"""

import base64
import binascii
import time
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from gstack.auth.store import ServiceKey, Store

SKEW = 60  # seconds that clocks may differ
LIFETIME = 3600  # seconds; Google's limit for a signed assertion
_SIZE_LIMIT = 8192  # characters; Google's clients send about 900

_REGISTRY = JWSRegistry(algorithms=["RS256", "ES256"])

PublicKey = RSAKey | ECKey


class UntrustedError(Exception):
    """The JWT proves nothing. The text says why; clients may see it."""


class Header(msgspec.Struct, frozen=True):
    """The protected header, as far as it matters here."""

    alg: str
    kid: str = ""
    crit: Any = None  # extensions that must be understood; we support none


class Claims(msgspec.Struct, frozen=True):
    """What the JWT says. Times are in seconds since 1970."""

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
        """The audiences, without empty ones."""
        audiences = self.aud if isinstance(self.aud, list) else [self.aud or ""]
        return tuple(audience for audience in audiences if audience)


class Signed(msgspec.Struct, frozen=True):
    """A JWT in its parts. Nothing of it is verified yet."""

    header: Header
    claims: Claims
    signing_input: bytes
    signature: bytes


def looks_signed(token: str) -> bool:
    """Tell whether a token is a compact JWT. Our own tokens do not begin with a JSON object."""
    return token.startswith("eyJ") and token.count(".") == 2  # noqa: PLR2004  # header.claims.signature


def read(token: str) -> Signed:
    """Take a compact JWT apart. Raises UntrustedError if it is malformed."""
    if len(token) > _SIZE_LIMIT or not token.isascii() or token.count(".") != 2:  # noqa: PLR2004  # header.claims.signature
        raise UntrustedError("This is not a compact JWT.")
    head, body, signature = token.split(".")
    try:
        header_json, claims_json = _decode(head), _decode(body)
        if b"\\u0000" in header_json + claims_json:  # PostgreSQL cannot store it in a text
            raise ValueError("U+0000")  # noqa: TRY301  # handled as every other malformed JWT
        header = msgspec.json.decode(header_json, type=Header)
        claims = msgspec.json.decode(claims_json, type=Claims)
        return Signed(header, claims, f"{head}.{body}".encode(), _decode(signature))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UntrustedError("The JWT cannot be read: it needs alg, iss and exp at least.") from error


def all_claims(signed: Signed) -> dict[str, Any]:
    """Return every claim of a JWT."""
    return dict(msgspec.json.decode(_decode(signed.signing_input.decode().split(".")[1])))


def _decode(segment: str) -> bytes:
    plain = segment.rstrip("=")
    if "+" in plain or "/" in plain:
        raise binascii.Error("not base64url")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


@lru_cache(maxsize=4096)  # to parse a key costs more than to use it
def public_key(pem: str) -> PublicKey:
    """Parse a registered public key."""
    is_rsa = isinstance(load_pem_public_key(pem.encode()), RSAPublicKey)
    return RSAKey.import_key(pem) if is_rsa else ECKey.import_key(pem)


def check_signature(jwt: Signed, key: PublicKey) -> None:
    """Raise UntrustedError unless this key made the signature, with the only algorithm for its kind."""
    algorithm = _REGISTRY.get_alg("RS256" if isinstance(key, RSAKey) else "ES256")
    if jwt.header.alg != algorithm.name or jwt.header.crit is not None:
        raise UntrustedError("The JWT's algorithm is not the one of the registered key.")
    try:
        valid = algorithm.verify(jwt.signing_input, jwt.signature, key)
    except (JoseError, ValueError):
        valid = False
    if not valid:
        raise UntrustedError("Invalid JWT Signature.")


def check_times(claims: Claims, now: float, lifetime: int = LIFETIME) -> None:
    """Raise UntrustedError unless the JWT is valid now, and for no longer than `lifetime` seconds (RFC 7519, 4.1)."""
    if claims.exp <= now - SKEW:
        raise UntrustedError("The JWT has expired. Check the clock of the machine that signs.")
    if claims.exp > now + lifetime + SKEW:
        raise UntrustedError(f"The JWT must be short-lived: exp may be {lifetime // 3600} hour(s) ahead at most.")
    starts = max(claims.iat or 0.0, claims.nbf or 0.0)
    if starts > now + SKEW:
        raise UntrustedError("The JWT is not valid yet. Check the clock of the machine that signs.")


async def verify_service_account(store: Store, token: str) -> tuple[Signed, ServiceKey]:
    """Return a JWT that a valid service-account key signed, and that key. Raises UntrustedError otherwise.

    The key is looked up by the account in `iss`, and by `kid` if there is one, so a key of another account never fits.
    The caller must check audience and subject.
    """
    signed = read(token)
    check_times(signed.claims, time.time())
    keys = await store.keys_of(signed.claims.iss, signed.header.kid)
    for key in keys:
        try:
            check_signature(signed, public_key(key.public_key))
        except UntrustedError:
            if key is keys[-1]:
                raise
        else:
            await store.touch_key(key)
            return signed, key
    raise UntrustedError("No valid key with this key id is registered here for this service account.")
