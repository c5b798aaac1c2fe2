"""Issuers: OpenID Connect providers whose tokens the operator trusts, and the keys that verify those tokens.

Source: OpenID Connect Discovery 1.0 (4, and `jwks_uri`), RFC 7517 (key sets). Keys are remembered for an hour. An
unknown key id makes us fetch them again, at most once a minute. If an issuer does not answer, its keys stay valid for a
day.
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
STALE = 86_400.0  # seconds
PAUSE = 60.0  # seconds between two fetches from one issuer
LIFETIME = 86_400  # seconds that a token may be valid for
_TIMEOUT = 10.0  # seconds
_SIZE_LIMIT = 262_144  # bytes of a document
_KEY_LIMIT = 50
_RSA_BITS = 2048
_PUBLIC_FIELDS = frozenset({"kty", "n", "e", "crv", "x", "y"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_log = structlog.get_logger("gstack.issuers")


class _KeySet(msgspec.Struct, frozen=True):
    tried: float  # by the monotonic clock
    fetched: float
    keys: tuple[tuple[str, PublicKey], ...] = ()


class Issuers:
    """The issuers in the settings, by their names there."""

    def __init__(self, trust: Mapping[str, TrustSettings], pause: float = PAUSE) -> None:
        self.trust = trust
        self._pause = pause
        self._key_sets: dict[str, _KeySet] = {}
        self._locks = {name: asyncio.Lock() for name in trust}

    async def verify(self, token: str, names: frozenset[str]) -> tuple[str, dict[str, Any]]:
        """Return the issuer of a token and its claims. `names` are the issuers that the client accepts.

        Raises UntrustedError if none of them issued it, Problem 503 if the issuer's keys are not available.
        """
        signed = jwt.read(token)
        matching = [name for name in sorted(names) if self.trust[name].issuer == signed.claims.iss]
        if not matching:
            raise UntrustedError("The issuer of this token is not trusted here.")
        name = next((name for name in matching if signed.claims.audiences == (self.trust[name].audience,)), None)
        if name is None:
            raise UntrustedError("This token was issued for another audience.")
        jwt.check_times(signed.claims, time.time(), LIFETIME)
        await self._check_signature(name, signed)
        return name, jwt.all_claims(signed)

    async def _check_signature(self, name: str, signed: Signed) -> None:
        candidates = await self._keys(name, signed.header.kid)
        for key in candidates:
            try:
                return await asyncio.to_thread(jwt.check_signature, signed, key)
            except UntrustedError:
                if key is candidates[-1]:
                    raise
        raise UntrustedError("The issuer publishes no key with this id.")

    async def _keys(self, name: str, key_id: str) -> list[PublicKey]:
        """Return the keys that may have signed: the one with this id, or all if the token names none."""
        async with self._locks[name]:
            key_set, moment = self._key_sets.get(name), time.monotonic()
            fresh = key_set and moment - key_set.fetched < FRESH and _matching(key_set, key_id)
            if not fresh and (key_set is None or moment - key_set.tried >= self._pause):
                key_set = self._key_sets[name] = await self._fetch(name, key_set, moment)
        if key_set is None or not key_set.keys or moment - key_set.fetched > STALE:
            raise Problem.backend(f"The keys of the issuer '{name}' are not available now. Try again.")
        return _matching(key_set, key_id)

    async def _fetch(self, name: str, old: _KeySet | None, moment: float) -> _KeySet:
        """Fetch an issuer's keys; if that fails, keep the old ones."""
        trust = self.trust[name]
        try:
            keys = await _fetch_keys(trust)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            _log.warning("issuer does not give its keys", issuer=trust.issuer, why=f"{type(error).__name__}: {error}")
            return msgspec.structs.replace(old, tried=moment) if old else _KeySet(moment, float("-inf"))
        return _KeySet(moment, moment, keys)


def _matching(key_set: _KeySet, key_id: str) -> list[PublicKey]:
    return [key for own_id, key in key_set.keys if not key_id or own_id == key_id]


async def _fetch_keys(trust: TrustSettings) -> tuple[tuple[str, PublicKey], ...]:
    """Fetch an issuer's keys. Raises ValueError if its documents are malformed or another issuer's."""
    url = trust.jwks_uri
    if not url:
        document = await _fetch_json(f"{trust.issuer.rstrip('/')}/.well-known/openid-configuration", trust.ca_file)
        if document.get("issuer") != trust.issuer or not isinstance(document.get("jwks_uri"), str):
            raise ValueError(f"the discovery document of {trust.issuer} is another issuer's, or names no keys")
        url = str(document["jwks_uri"])
    entries = (await _fetch_json(url, trust.ca_file)).get("keys")
    if not isinstance(entries, list):
        raise ValueError(f"{url} is not a key set")  # noqa: TRY004  # every bad document is a ValueError here
    parsed = ((str(entry.get("kid", "")), _parse(entry)) for entry in entries[:_KEY_LIMIT] if isinstance(entry, dict))
    return tuple((key_id, key) for key_id, key in parsed if key)


async def _fetch_json(url: str, ca_file: str) -> dict[str, Any]:
    """Fetch a small JSON object, without redirects, within seconds, and over TLS unless it is on this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(f"{url} is not an https URL")
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
            if len(body) > _SIZE_LIMIT:
                raise ValueError(f"{url} is larger than {_SIZE_LIMIT} bytes")
    document = msgspec.json.decode(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} is not a JSON object")  # noqa: TRY004  # every bad document is a ValueError here
    return document


def _parse(entry: dict[str, Any]) -> PublicKey | None:
    """Return one key of a set; None unless it is a strong RSA key for RS256 or a P-256 key for ES256 signatures."""
    expected = {"RSA": "RS256", "EC": "ES256"}.get(str(entry.get("kty")))
    if expected is None or entry.get("use", "sig") != "sig" or entry.get("alg", expected) != expected:
        return None
    if expected == "RS256" and len(str(entry.get("n", ""))) * 6 < _RSA_BITS:  # base64: six bits per letter
        return None
    public: dict[str, Any] = {name: value for name, value in entry.items() if name in _PUBLIC_FIELDS}
    try:
        key = RSAKey.import_key(public) if expected == "RS256" else ECKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    strong = key.curve_name == "P-256" if isinstance(key, ECKey) else key.public_key.key_size >= _RSA_BITS
    return key if strong else None
