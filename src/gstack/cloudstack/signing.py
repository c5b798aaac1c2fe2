"""CloudStack's request signature: HMAC-SHA1 over the sorted, lower-cased query string.

Source: CloudStack developer guide, "Signing API Requests", signature version 3 with `expires`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec


class KeyPair(msgspec.Struct, frozen=True):
    """A user's CloudStack API key and secret key. `repr` hides the secret, so it never gets into the log."""

    api_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"KeyPair({self.api_key[:6]}…)"


def flatten(parameters: Mapping[str, object]) -> dict[str, str]:
    """Return parameters in CloudStack's wire form: lists joined by commas, maps and lists of maps as `name[0].key`.

    `None` leaves a parameter out. Booleans become `true` and `false`.
    """
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        flat |= _flat(name, value)
    return flat


def _flat(name: str, value: object) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {name: str(value).lower()}
    if isinstance(value, Mapping):
        return {f"{name}[0].{key}": str(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], Mapping):
            return {f"{name}[{n}].{key}": str(v) for n, item in enumerate(value) for key, v in item.items()}
        return {name: ",".join(str(item) for item in value)}
    return {name: str(value)}


def sign(parameters: Mapping[str, str], keys: KeyPair, *, now: datetime | None = None, lifetime: int = 600) -> str:
    """Return the signed form body (or query string) of one call; it is valid for `lifetime` seconds."""
    expires = (now or datetime.now(UTC)) + timedelta(seconds=lifetime)
    full = {
        **parameters,
        "apiKey": keys.api_key,
        "response": "json",
        "signatureVersion": "3",
        "expires": expires.strftime("%Y-%m-%dT%H:%M:%S+0000"),
    }
    query = "&".join(f"{name}={_quote(full[name])}" for name in sorted(full, key=str.lower))
    return f"{query}&signature={_quote(signature(query, keys.secret_key))}"


def signature(query: str, secret_key: str) -> str:
    """Return the signature of a sorted, quoted query string."""
    digest = hmac.new(secret_key.encode(), query.lower().encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _quote(value: str) -> str:
    return quote(value, safe="*")
