"""Caller: who stands behind a request. The gateway reads it, the guard makes it."""

import msgspec

from gstack.cloudstack.signing import KeyPair


class Caller(msgspec.Struct, frozen=True):
    """Who asks: what the guard found behind the token.

    `credential` names the sealed key pair in the database; `user` is the e-mail that operations show; `account_id`
    and `account` are CloudStack's. `scopes` are those granted, as full URLs; a token without any has cloud-platform.
    """

    credential: str
    keys: KeyPair
    user: str
    account: str
    account_id: str
    domain_id: str = ""
    scopes: frozenset[str] = frozenset()
