"""Credentials: proved CloudStack key pairs, sealed in the database. One row per pair: its id is the key's hash."""

import hashlib

from authlib.oauth2.rfc6749.errors import InvalidClientError

from gstack.auth.proof import Identity, prove
from gstack.auth.sealing import Seal, WrongKeyError
from gstack.auth.store import Credential, Store, now
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair

PAIR = "pair"


async def proved(cloudstack: CloudStack, store: Store, seal: Seal, keys: KeyPair) -> Credential:
    """Prove a pair against CloudStack and keep it. Raises InvalidClientError where it is not accepted (any more)."""
    identity = await prove(cloudstack, keys)
    credential = await store.put_credential(_credential(seal, keys, identity))
    if credential.revoked:
        raise InvalidClientError("This key pair was revoked at this server.", status_code=401)
    return credential


def _credential(seal: Seal, keys: KeyPair, identity: Identity) -> Credential:
    return Credential(
        id=hashlib.sha256(keys.api_key.encode()).hexdigest()[:32],
        kind=PAIR,
        account=identity.account,
        account_id=identity.account_id,
        domain_id=identity.domain_id,
        user=identity.email,
        api_key=keys.api_key,
        sealed_secret=seal.seal(f"{keys.api_key}:{keys.secret_key}"),
        created=now(),
    )


def unsealed(seal: Seal, credential: Credential) -> KeyPair:
    """Return the pair of a credential. What is sealed names its API key, so that no row can lend another's secret."""
    api_key, _, secret = seal.open(credential.sealed_secret).partition(":")
    if api_key != credential.api_key:
        raise WrongKeyError("A sealed secret in the database belongs to another key pair.")
    return KeyPair(api_key, secret)
