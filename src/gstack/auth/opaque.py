"""Opaque tokens: random words in Google's spelling. The database knows only their SHA-256."""

import hashlib
import re
import secrets

ACCESS, REFRESH, CODE = "ya29.", "1//", "4/"
ACCESS_SECONDS = 3600
CODE_SECONDS = 600
REFRESH_SECONDS = 180 * 86_400  # as Google: a refresh token that lies unused for six months ends

_SHOWN_KEY = 12  # characters
_API_KEY = re.compile(r"[A-Za-z0-9_-]{86}")


def new(prefix: str) -> str:
    """Return a fresh token with 256 bits of chance."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what is stored of a token. Plain SHA-256 will do: the token itself is not to be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_api_key(text: str) -> bool:
    """True where a client id has the form of a CloudStack API key: 64 random bytes, base64url without padding."""
    return bool(_API_KEY.fullmatch(text))


def shown(client_id: str) -> str:
    """What a log may show of a client id: of an API key its beginning."""
    return f"{client_id[:_SHOWN_KEY]}…" if is_api_key(client_id) else client_id
