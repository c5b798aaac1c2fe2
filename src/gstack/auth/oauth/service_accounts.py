"""Service accounts: the one check of every JWT that a service-account key signed."""

import time
from functools import lru_cache

from gstack.auth.oauth import jwt
from gstack.auth.oauth.jwt import Signed, UntrustedError
from gstack.auth.store import ServiceKey, Store

_parsed = lru_cache(maxsize=4096)(jwt.public_key)  # parsing a key costs more than using it


async def verified(store: Store, token: str) -> tuple[Signed, ServiceKey]:
    """Return a JWT that a key in force signed now, and that key. Raises UntrustedError otherwise.

    The key is looked up by the account in `iss`, and by `kid` where it is named: a key of another account never fits.
    Audience and subject are for the caller to judge.
    """
    signed = jwt.read(token)
    jwt.check_times(signed.claims, time.time())
    keys = await store.keys_of(signed.claims.iss, signed.header.kid)
    for key in keys:
        if _fits(signed, key, last=key is keys[-1]):
            await store.touch_key(key)
            return signed, key
    raise UntrustedError("No service-account key in force of this account and key id is registered here.")


def _fits(signed: Signed, key: ServiceKey, *, last: bool) -> bool:
    try:
        jwt.check_signature(signed, _parsed(key.public_key))
    except UntrustedError:
        if last:
            raise
        return False
    return True
