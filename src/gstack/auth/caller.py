"""Caller: who stands behind a request. The guard finds out, the gateway reads it."""

import msgspec

from gstack.cloudstack.signing import KeyPair


class Caller(msgspec.Struct, frozen=True):
    """Who sent a request, as the guard found it behind the token.

    `credential` is the id of the sealed key pair in the database. `user` is the e-mail that operations show.
    `account_id` and `account` are CloudStack's. `scopes` are the granted ones, as full URLs; a token without scopes has
    cloud-platform.
    """

    credential: str
    keys: KeyPair
    user: str
    account: str
    account_id: str
    domain_id: str = ""
    scopes: frozenset[str] = frozenset()
