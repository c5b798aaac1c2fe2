"""Credentials: proved CloudStack key pairs, sealed in the database. One row per pair: its id is the key's hash."""

import hashlib

from gstack.auth.keys.proof import Identity, prove
from gstack.auth.keys.sealing import Seal, WrongKeyError
from gstack.auth.store import Credential, Store, now
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem

PAIR = "pair"


async def proved(cloudstack: CloudStack, store: Store, seal: Seal, keys: KeyPair) -> Credential:
    """Prove a pair against CloudStack and keep it. Raises Problem 401 where it is not accepted (any more)."""
    identity = await prove(cloudstack, keys)
    credential = await store.put_credential(_credential(seal, keys, identity))
    if credential.revoked:
        raise Problem.unauthorized("This key pair was revoked at this server.")
    return credential


def _credential(seal: Seal, keys: KeyPair, identity: Identity) -> Credential:
    return Credential(
        id=credential_id_of(keys),
        kind=PAIR,
        account=identity.account,
        account_id=identity.account_id,
        domain_id=identity.domain_id,
        user=identity.email,
        api_key=keys.api_key,
        sealed_secret=seal.seal(f"{keys.api_key}:{keys.secret_key}"),
        created=now(),
    )


def credential_id_of(keys: KeyPair) -> str:
    """The id of a pair's credential, the same at each proof."""
    return hashlib.sha256(keys.api_key.encode()).hexdigest()[:32]


def unsealed(seal: Seal, credential: Credential) -> KeyPair:
    """Return the pair of a credential. What is sealed names its API key, so that no row can lend another's secret."""
    api_key, _, secret = seal.open(credential.sealed_secret).partition(":")
    if api_key != credential.api_key:
        raise WrongKeyError("A sealed secret in the database belongs to another key pair.")
    return KeyPair(api_key, secret)
