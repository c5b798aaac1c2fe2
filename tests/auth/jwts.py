"""JWTs as clients and attackers sign them."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

TOKEN_URL = "https://oauth2.googleapis.com/token"
COMPUTE = "https://compute.googleapis.com/"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"


def claims_of(file: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The claims that google-auth sends to the token endpoint; None leaves a claim out."""
    now = int(time.time())
    claims = {"iss": file["client_email"], "iat": now, "exp": now + 3600, "aud": TOKEN_URL, "scope": CLOUD, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def signed(file: dict[str, Any], claims: dict[str, Any], *, kid: str | None = "", algorithm: str = "RS256") -> str:
    """A JWT signed with a key file. `kid` None leaves it out; an empty one is the file's."""
    header = {"alg": algorithm} | ({} if kid is None else {"kid": kid or file["private_key_id"]})
    kind = RSAKey if algorithm.startswith("RS") else ECKey
    return jwt.encode(header, claims, kind.import_key(file["private_key"]), algorithms=[algorithm])


def assertion(file: dict[str, Any], **changes: Any) -> str:
    """An assertion for the token endpoint."""
    return signed(file, claims_of(file, **changes))


def self_signed(file: dict[str, Any], **changes: Any) -> str:
    """A JWT that google-auth sends as a bearer token."""
    claims = claims_of(file, **({"sub": file["client_email"], "aud": COMPUTE, "scope": None} | changes))
    return signed(file, claims)


def padded(token: str) -> bytes:
    """The signed text of a JWT with `=`, as libcloud writes it."""
    head, body, _ = token.split(".")
    return ".".join(part + "=" * (-len(part) % 4) for part in (head, body)).encode()


def unsigned(claims: dict[str, Any], **header: str) -> str:
    """A JWT with `alg` none."""
    return f"{_part({'alg': 'none', 'typ': 'JWT', **header})}.{_part(claims)}."


def with_secret(claims: dict[str, Any], secret: bytes, **header: str) -> str:
    """A JWT with HS256 and, as its secret, for example our public key."""
    text = f"{_part({'alg': 'HS256', **header})}.{_part(claims)}"
    mark = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def read(token: str) -> dict[str, Any]:
    """The claims of a JWT, without verification."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
