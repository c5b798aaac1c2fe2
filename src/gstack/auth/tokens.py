"""Tokens and authorization codes: random words in Google's spelling. The database stores only their SHA-256.

What a grant ends with (RFC 6749, 5.1) is made here: the answer to the client and the rows behind it.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gstack.auth.store import ACCESS, CODE, REFRESH, Token, now

ACCESS_PREFIX, REFRESH_PREFIX, CODE_PREFIX = "ya29.", "1//", "4/"
ACCESS_SECONDS = 3600
CODE_SECONDS = 600
REFRESH_SECONDS = 180 * 86_400  # as with Google, a refresh token that is not used for six months expires
_KEY_FAMILY = "key:"


def random_text(prefix: str = "") -> str:
    """Return a new token, code or cookie value with 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what the database stores of a token. Plain SHA-256 is enough, because tokens cannot be guessed."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_family() -> str:
    """Return a name for a new family of tokens."""
    return secrets.token_hex(16)


def key_family(key_id: str) -> str:
    """Return the family of the tokens of a service-account key or a trust mapping. Revoking the key revokes them."""
    return _KEY_FAMILY + key_id


def is_key_family(family: str) -> bool:
    """Tell whether tokens belong to the same family only because one key or mapping brought them all."""
    return family.startswith(_KEY_FAMILY)


class Authorization(msgspec.Struct, frozen=True):
    """What a client may do and for whom. Tokens of one `family` are revoked together.

    `user` is the e-mail to show instead of the credential's. `ends` limits the hour of an access token.
    """

    credential_id: str
    client_id: str
    scopes: str
    family: str
    user: str = ""
    ends: datetime | None = None


class NewTokens(msgspec.Struct, frozen=True):
    """The answer to the client, and the rows to store."""

    answer: dict[str, Any]
    rows: tuple[Token, ...]


class Granted(msgspec.Struct, frozen=True):
    """The result of a grant: the answer, and who got it, for the audit log. `key` is a service-account key's id."""

    answer: dict[str, Any]
    who: str
    account: str = ""
    scopes: str = ""
    key: str = ""


def new_access_token(authorization: Authorization) -> NewTokens:
    """Create an access token for an hour, or until the authorization ends."""
    token, row = _create(authorization, ACCESS, ACCESS_PREFIX, ACCESS_SECONDS)
    answer = {
        "access_token": token,
        "expires_in": int((row.expires - row.created).total_seconds()),
        "token_type": "Bearer",
        "scope": authorization.scopes,
    }
    return NewTokens(answer, (row,))


def new_access_and_refresh_tokens(authorization: Authorization, refresh_scopes: str, parent: str = "") -> NewTokens:
    """Create an access token, and a refresh token that may be good for more scopes.

    `parent` is the hash of the refresh token that this one replaces.
    """
    access = new_access_token(authorization)
    whole = msgspec.structs.replace(authorization, scopes=refresh_scopes)
    token, row = _create(whole, REFRESH, REFRESH_PREFIX, REFRESH_SECONDS)
    row = msgspec.structs.replace(row, data={"parent": parent})
    return NewTokens({**access.answer, "refresh_token": token}, (*access.rows, row))


def new_code(
    credential_id: str | None, client_id: str, scopes: str, redirect_uri: str, challenge: str, nonce: str
) -> tuple[str, Token]:
    """Create an authorization code and its row. `challenge` is PKCE's; it is empty if the client sent none."""
    code, moment = random_text(CODE_PREFIX), now()
    return code, Token(
        hash=digest(code),
        kind=CODE,
        family=new_family(),
        credential_id=credential_id,
        client_id=client_id,
        scopes=scopes,
        created=moment,
        expires=moment + timedelta(seconds=CODE_SECONDS),
        data={"redirect_uri": redirect_uri, "challenge": challenge, "nonce": nonce},
    )


def _create(authorization: Authorization, kind: str, prefix: str, seconds: int) -> tuple[str, Token]:
    token, moment = random_text(prefix), now()
    expires = moment + timedelta(seconds=seconds)
    return token, Token(
        hash=digest(token),
        kind=kind,
        family=authorization.family,
        credential_id=authorization.credential_id,
        client_id=authorization.client_id,
        scopes=authorization.scopes,
        created=moment,
        expires=min(expires, authorization.ends) if authorization.ends else expires,
        data={"user": authorization.user} if authorization.user else {},
    )
