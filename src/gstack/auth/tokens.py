"""Giving out tokens: what every grant ends with. RFC 6749, 5.1."""

import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gstack.auth import opaque
from gstack.auth.store import ACCESS, REFRESH, Token, now

_KEY_FAMILY = "key:"


class Grant(msgspec.Struct, frozen=True):
    """What was granted, to whom. Tokens of one `family` are revoked together.

    `user` is the e-mail to show where it is not the credential's; `ends` cuts the access token's hour short.
    """

    credential_id: str
    client_id: str
    scopes: str
    family: str
    user: str = ""
    ends: datetime | None = None


def new_family() -> str:
    """Name a new family of tokens."""
    return secrets.token_hex(16)


def key_family(key_id: str) -> str:
    """Name the family of what a service-account key brings; revoking the key revokes it."""
    return _KEY_FAMILY + key_id


def is_key_family(family: str) -> bool:
    """True where the tokens of a family have only their service-account key in common."""
    return family.startswith(_KEY_FAMILY)


class Issued(msgspec.Struct, frozen=True):
    """The answer to the client, and the rows that remember it."""

    answer: dict[str, Any]
    rows: tuple[Token, ...]


class Granted(msgspec.Struct, frozen=True):
    """What a grant ends with: the answer, and who got it, for the audit log. `key` is the service-account key's id."""

    answer: dict[str, Any]
    who: str
    account: str = ""
    scopes: str = ""
    key: str = ""


def access(grant: Grant) -> Issued:
    """Make an access token for an hour at most."""
    token, row = _made(grant, ACCESS, opaque.ACCESS, opaque.ACCESS_SECONDS)
    answer = {
        "access_token": token,
        "expires_in": int((row.expires - row.created).total_seconds()),
        "token_type": "Bearer",
        "scope": grant.scopes,
    }
    return Issued(answer, (row,))


def with_refresh(grant: Grant, refresh_scopes: str, parent: str = "") -> Issued:
    """Make an access token and a refresh token beside it, which may be good for more scopes.

    `parent` is the hash of the refresh token that this one follows.
    """
    issued = access(grant)
    whole = msgspec.structs.replace(grant, scopes=refresh_scopes)
    token, made = _made(whole, REFRESH, opaque.REFRESH, opaque.REFRESH_SECONDS)
    row = msgspec.structs.replace(made, data={"parent": parent})
    return Issued({**issued.answer, "refresh_token": token}, (*issued.rows, row))


def _made(grant: Grant, kind: str, prefix: str, seconds: int) -> tuple[str, Token]:
    """Make a token and the row that remembers it."""
    token, moment = opaque.new(prefix), now()
    expires = moment + timedelta(seconds=seconds)
    return token, Token(
        hash=opaque.digest(token),
        kind=kind,
        family=grant.family,
        credential_id=grant.credential_id,
        client_id=grant.client_id,
        scopes=grant.scopes,
        created=moment,
        expires=min(expires, grant.ends) if grant.ends else expires,
        data={"user": grant.user} if grant.user else {},
    )
