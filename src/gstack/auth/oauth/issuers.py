"""Other issuers: OpenID Connect providers whose tokens the operator trusts, and the keys that prove them.

Source: OpenID Connect Discovery 1.0 (4, and `jwks_uri`), RFC 7517 (key sets). Keys are remembered for an hour; an
unknown key id asks again, once a minute at most; where an issuer does not answer, its known keys hold for a day.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from gstack.auth.oauth import jwt
from gstack.auth.oauth.jwt import PublicKey, Signed, UntrustedError
from gstack.config import TrustSettings
from gstack.errors import Problem

FRESH = 3600.0  # seconds
STALE = 86_400.0
PAUSE = 60.0  # between two looks at one issuer
LIFETIME = 86_400  # seconds that a token of another issuer may still live
_TIMEOUT = 10.0
_SIZE = 262_144  # bytes of a document
_MOST_KEYS = 50
_RSA_BITS = 2048
_PUBLIC = frozenset({"kty", "n", "e", "crv", "x", "y"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_log = structlog.get_logger("gstack.issuers")


class _Keys(msgspec.Struct, frozen=True):
    asked: float  # by the monotonic clock
    got: float
    keys: tuple[tuple[str, PublicKey], ...] = ()


class Issuers:
    """The issuers of the settings, by their names there."""

    def __init__(self, trust: Mapping[str, TrustSettings], pause: float = PAUSE) -> None:
        self.trust = trust
        self._pause = pause
        self._known: dict[str, _Keys] = {}
        self._turns = {name: asyncio.Lock() for name in trust}

    async def verified(self, token: str, names: frozenset[str]) -> tuple[str, dict[str, Any]]:
        """Return the issuer of a token and its claims. `names`: the issuers that the client means.

        Raises UntrustedError where none of them proves it, Problem 503 where its keys cannot be had.
        """
        signed = jwt.read(token)
        meant = [name for name in sorted(names) if self.trust[name].issuer == signed.claims.iss]
        if not meant:
            raise UntrustedError("The issuer of this token is not trusted here.")
        fitting = [name for name in meant if signed.claims.audiences == (self.trust[name].audience,)]
        if not fitting:
            raise UntrustedError("This token was made for another audience.")
        jwt.check_times(signed.claims, time.time(), LIFETIME)
        await self._check_signature(fitting[0], signed)
        return fitting[0], jwt.all_claims(signed)

    async def _check_signature(self, name: str, signed: Signed) -> None:
        candidates = await self._keys(name, signed.header.kid)
        for key in candidates:
            try:
                return await asyncio.to_thread(jwt.check_signature, signed, key)
            except UntrustedError:
                if key is candidates[-1]:
                    raise
        raise UntrustedError("The issuer publishes no key of this id.")

    async def _keys(self, name: str, key_id: str) -> list[PublicKey]:
        """The keys that may have signed: the one of this id, or all where the token names none."""
        async with self._turns[name]:
            known, moment = self._known.get(name), time.monotonic()
            fresh = known and moment - known.got < FRESH and _fitting(known, key_id)
            if not fresh and (known is None or moment - known.asked >= self._pause):
                known = self._known[name] = await self._asked(name, known, moment)
        if known is None or not known.keys or moment - known.got > STALE:
            raise Problem.backend(f"The keys of the issuer '{name}' cannot be had now. Try again.")
        return _fitting(known, key_id)

    async def _asked(self, name: str, known: _Keys | None, moment: float) -> _Keys:
        trust = self.trust[name]
        try:
            found = await _key_set(trust)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            _log.warning("issuer does not give its keys", issuer=trust.issuer, why=f"{type(error).__name__}: {error}")
            return msgspec.structs.replace(known, asked=moment) if known else _Keys(moment, float("-inf"))
        return _Keys(moment, moment, found)


def _fitting(known: _Keys, key_id: str) -> list[PublicKey]:
    return [key for own_id, key in known.keys if not key_id or own_id == key_id]


async def _key_set(trust: TrustSettings) -> tuple[tuple[str, PublicKey], ...]:
    """Fetch an issuer's keys. Raises ValueError where what it says cannot be believed."""
    url = trust.jwks_uri or await _discovered(trust)
    document = await _fetched(url, trust.ca_file)
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError(f"{url} is no key set")  # noqa: TRY004  # every bad document is a ValueError here
    parsed = ((str(entry.get("kid", "")), _key(entry)) for entry in entries[:_MOST_KEYS] if isinstance(entry, dict))
    return tuple((key_id, key) for key_id, key in parsed if key)


async def _discovered(trust: TrustSettings) -> str:
    document = await _fetched(f"{trust.issuer.rstrip('/')}/.well-known/openid-configuration", trust.ca_file)
    if document.get("issuer") != trust.issuer or not isinstance(document.get("jwks_uri"), str):
        raise ValueError(f"the discovery document of {trust.issuer} is another issuer's, or names no keys")
    return str(document["jwks_uri"])


async def _fetched(url: str, ca_file: str) -> dict[str, Any]:
    """Fetch a small JSON object: no redirects, a few seconds, TLS unless it is this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(f"{url} is no https URL")
    context = ssl.create_default_context(cafile=ca_file or None)
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    body = bytearray()
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(url, allow_redirects=False, ssl=context, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status != 200:  # noqa: PLR2004  # HTTP's OK
            raise ValueError(f"{url} answered {answer.status}")
        async for chunk in answer.content.iter_chunked(65_536):
            body += chunk
            if len(body) > _SIZE:
                raise ValueError(f"{url} is larger than {_SIZE} bytes")
    document = msgspec.json.decode(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} is no JSON object")  # noqa: TRY004  # every bad document is a ValueError here
    return document


def _key(entry: dict[str, Any]) -> PublicKey | None:
    """One key of a set, where it is one that we take: RSA for RS256, P-256 for ES256, for signatures."""
    expected = {"RSA": "RS256", "EC": "ES256"}.get(str(entry.get("kty")))
    if expected is None or entry.get("use", "sig") != "sig" or entry.get("alg", expected) != expected:
        return None
    if expected == "RS256" and len(str(entry.get("n", ""))) * 6 < _RSA_BITS:  # base64: six bits a letter
        return None
    public: dict[str, Any] = {name: value for name, value in entry.items() if name in _PUBLIC}
    try:
        key = RSAKey.import_key(public) if expected == "RS256" else ECKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if _is_strong(key) else None


def _is_strong(key: PublicKey) -> bool:
    if isinstance(key, ECKey):
        return key.curve_name == "P-256"
    return key.public_key.key_size >= _RSA_BITS
