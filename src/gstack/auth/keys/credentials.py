"""Credentials: CloudStack key pairs that were verified, stored with their secrets sealed, one row per pair.

A pair is verified by one cheap signed call, which also tells whose it is. `PairChecker` repeats that call now and then
for the pairs behind tokens.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec
import structlog

from gstack.auth.keys.key_pairs import is_api_key
from gstack.auth.keys.sealing import Seal, WrongKeyError
from gstack.auth.store import Credential, Store, now
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import UNAUTHORIZED, Refusal
from gstack.cloudstack.signing import KeyPair
from gstack.errors import ApiError, Problem

USER_PAIR = "pair"  # the kind of a credential that its user brought
CHECK_SECONDS = 60.0  # between two checks of one pair
_REMEMBERED = 10_000  # pairs
_SECRET_LIMIT = 512  # characters
_NO_MAIL_DOMAIN = "cloudstack.invalid"  # RFC 2606; Google's clients need an e-mail, CloudStack's users need none
_UNAUTHORIZED = 401
_log = structlog.get_logger("gstack.credentials")


class PairUser(msgspec.Struct, frozen=True):
    """The CloudStack user behind a key pair. `user_id` is empty if CloudStack does not tell which user it is."""

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


async def identify(cloudstack: CloudStack, keys: KeyPair) -> PairUser:
    """Return whose key pair this is.

    Raises Problem 401 if CloudStack does not accept the pair, Unreachable if it does not answer.
    Source: CloudStack's listUsers; without `listall` it shows the users of the caller's own account.
    """
    secret = keys.secret_key
    plausible = 0 < len(secret) <= _SECRET_LIMIT and secret.isascii() and secret.isprintable()
    if not is_api_key(keys.api_key) or not plausible:
        raise Problem.unauthorized("This is not a CloudStack API key with its secret key.")
    try:
        answer = await cloudstack.client(keys).send("listUsers", {"listall": False}, _Users)
    except Refusal as refusal:
        if refusal.error_code == UNAUTHORIZED:
            raise Problem.unauthorized("CloudStack does not accept this API key with this secret key.") from refusal
        raise
    return _user_among(answer.user, keys)


def _user_among(users: list[_User], keys: KeyPair) -> PairUser:
    """Choose the user who shows this API key: an administrator sees every user of the account.

    CloudStack 4.23 shows only one of a user's several keys. If no user shows this one, the account is certain but the
    user is not, and the account's name stands in for the user's.
    """
    if not users:
        raise Problem.unauthorized("CloudStack shows no user behind this API key.")
    matching = users if len(users) == 1 else [user for user in users if user.apikey == keys.api_key]
    if not matching:
        first = users[0]
        email = f"{first.account}@{_NO_MAIL_DOMAIN}"
        return PairUser("", first.account, email, first.account, first.accountid, first.domainid)
    user = matching[0]
    addresses = (text for text in (user.email, user.username) if "@" in text)
    email = next(addresses, f"{user.username}@{_NO_MAIL_DOMAIN}")
    return PairUser(user.id, user.username, email, user.account, user.accountid, user.domainid)


async def register(cloudstack: CloudStack, store: Store, seal: Seal, keys: KeyPair) -> Credential:
    """Verify a pair against CloudStack and store it. Raises Problem 401 if it is rejected, or was revoked here."""
    user = await identify(cloudstack, keys)
    credential = await store.put_credential(
        Credential(
            id=credential_id_of(keys),
            kind=USER_PAIR,
            account=user.account,
            account_id=user.account_id,
            domain_id=user.domain_id,
            user=user.email,
            api_key=keys.api_key,
            sealed_secret=seal_pair(seal, keys),
            created=now(),
        )
    )
    if credential.revoked:
        raise Problem.unauthorized("This key pair was revoked on this server.")
    return credential


def credential_id_of(keys: KeyPair) -> str:
    """Return the id of a pair's credential. It is a hash of the API key, so it is the same each time."""
    return hashlib.sha256(keys.api_key.encode()).hexdigest()[:32]


def seal_pair(seal: Seal, keys: KeyPair) -> bytes:
    """Seal a pair. The sealed text includes the API key, so a secret that is copied to another row is noticed."""
    return seal.seal(f"{keys.api_key}:{keys.secret_key}")


def unseal_pair(seal: Seal, credential: Credential) -> KeyPair:
    """Return the key pair of a credential. Raises WrongKeyError if the sealed secret belongs to another pair."""
    api_key, _, secret = seal.open(credential.sealed_secret).partition(":")
    if api_key != credential.api_key:
        raise WrongKeyError("A sealed secret in the database belongs to another key pair.")
    return KeyPair(api_key, secret)


class PairChecker:
    """Checks, at most once a minute for each pair, that CloudStack still accepts the pairs behind tokens.

    Calls that reach CloudStack find out there. This check is for what we answer by ourselves, for operations and for
    new tokens: deleting a pair in CloudStack, or disabling its user, also ends everything here that relies on it.
    """

    def __init__(self, cloudstack: CloudStack, clock: Callable[[], float] = time.monotonic) -> None:
        self._cloudstack = cloudstack
        self._now = clock
        self._good_until: OrderedDict[str, float] = OrderedDict()  # by the ids of credentials

    def record(self, credential_id: str) -> None:
        """Remember that CloudStack accepted a pair just now."""
        self._good_until[credential_id] = self._now() + CHECK_SECONDS
        self._good_until.move_to_end(credential_id)
        while len(self._good_until) > _REMEMBERED:
            self._good_until.popitem(last=False)

    async def check(self, credential_id: str, keys: KeyPair) -> None:
        """Raise Problem 401 if CloudStack no longer accepts the pair. If it does not answer, nobody is refused."""
        if self._good_until.get(credential_id, float("-inf")) > self._now():
            return
        self.record(credential_id)  # before the call, so that requests meanwhile neither repeat it nor wait for it
        try:
            await identify(self._cloudstack, keys)
        except ApiError as problem:
            if problem.status == _UNAUTHORIZED:
                self._good_until.pop(credential_id, None)
                raise
            _log.info("pair not checked", status=problem.status, why=problem.message)
