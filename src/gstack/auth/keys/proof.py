"""Proving a CloudStack key pair: one signed, cheap call, which also tells whose it is."""

import msgspec

from gstack.auth.opaque import is_api_key
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import UNAUTHORIZED, Refusal
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem

_SECRET_LIMIT = 512  # characters
_NOWHERE = "cloudstack.invalid"  # RFC 2606; Google's clients need an e-mail, CloudStack's users need none


class Identity(msgspec.Struct, frozen=True):
    """The CloudStack user behind a key pair."""

    user_id: str
    user_name: str
    email: str
    account: str
    account_id: str
    domain_id: str


class _User(msgspec.Struct):
    id: str
    username: str
    account: str
    accountid: str
    domainid: str = ""
    email: str = ""
    apikey: str = ""


class _Users(msgspec.Struct):
    user: list[_User] = []


def check_form(keys: KeyPair) -> None:
    """Refuse what cannot be a CloudStack key pair before CloudStack is asked."""
    secret = keys.secret_key
    plain = 0 < len(secret) <= _SECRET_LIMIT and secret.isascii() and secret.isprintable()
    if not is_api_key(keys.api_key) or not plain:
        raise Problem.unauthorized("This is no CloudStack API key with its secret key.")


async def prove(cloudstack: CloudStack, keys: KeyPair) -> Identity:
    """Return whose key pair this is.

    Raises Problem 401 where CloudStack does not accept the pair, Unreachable where it does not answer.
    Source: CloudStack's listUsers; without `listall` it shows the users of the caller's own account.
    """
    check_form(keys)
    try:
        answer = await cloudstack.client(keys).send("listUsers", {"listall": False}, _Users)
    except Refusal as refusal:
        if refusal.error_code == UNAUTHORIZED:
            raise Problem.unauthorized("CloudStack does not accept this API key with this secret key.") from refusal
        raise
    return _identity(answer.user, keys)


def _identity(users: list[_User], keys: KeyPair) -> Identity:
    """An administrator sees every user of the account: the one who shows this API key is meant.

    CloudStack 4.23 shows one of a user's several keys. Where none fits, the account is sure and the user is not named.
    """
    if not users:
        raise Problem.unauthorized("CloudStack shows no user behind this API key.")
    own = users if len(users) == 1 else [user for user in users if user.apikey == keys.api_key]
    if own:
        user = own[0]
        return Identity(user.id, user.username, _email(user), user.account, user.accountid, user.domainid)
    first = users[0]
    return Identity("", first.account, f"{first.account}@{_NOWHERE}", first.account, first.accountid, first.domainid)


def _email(user: _User) -> str:
    if "@" in user.email:
        return user.email
    return user.username if "@" in user.username else f"{user.username}@{_NOWHERE}"
