"""Request signatures as CloudStack checks them: HMAC-SHA1 over the sorted, lower-cased, encoded query.

Source: CloudStack's ApiServer.verifyRequest. The signed text is `key=value` pairs, sorted by key without regard to
case, values percent-encoded (space is %20), the whole text in lower case. `signatureversion=3` adds `expires`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from gstack.sandbox.errors import unauthorized


def sign(parameters: Mapping[str, str], secret_key: str) -> str:
    """Return the base64 signature of `parameters` (without `signature`)."""
    pairs = sorted((key.lower(), quote(value, safe="*").lower()) for key, value in parameters.items())
    text = "&".join(f"{key}={value}" for key, value in pairs)
    digest = hmac.new(secret_key.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def check(parameters: Mapping[str, str], secret_key: str) -> None:
    """Raise 401 if the signature of `parameters` is wrong or has ended."""
    given = next((value for key, value in parameters.items() if key.lower() == "signature"), "")
    signed = {key: value for key, value in parameters.items() if key.lower() != "signature"}
    if not hmac.compare_digest(sign(signed, secret_key).encode(), given.encode()):
        raise unauthorized()
    _check_expiry({key.lower(): value for key, value in parameters.items()})


def _check_expiry(parameters: Mapping[str, str]) -> None:
    if parameters.get("signatureversion") != "3":
        return
    try:
        end = datetime.fromisoformat(parameters.get("expires", ""))
    except ValueError:
        raise unauthorized() from None
    if end.astimezone(UTC) < datetime.now(UTC):
        raise unauthorized()
