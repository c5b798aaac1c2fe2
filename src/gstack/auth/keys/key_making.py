"""Making and revoking service-account keys together with the CloudStack pairs behind them, for console and commands.

Where CloudStack has several pairs per user, each key stands on a pair of its own, named and dated: revoking the key
deletes that pair, at CloudStack too, and the user's own pair is never touched. Elsewhere a key stands on the pair of
its maker, and revoking it ends the key alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gstack.auth.auth import Auth
from gstack.auth.keys import key_pairs as pairs
from gstack.auth.keys import service_accounts as keys
from gstack.auth.keys.credentials import credential_id_of
from gstack.auth.keys.proof import prove
from gstack.auth.store import Credential, now
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import service_keys
from gstack.errors import ApiError, Problem

OWN = "key"  # the kind of a credential that was made for one service-account key
_LABEL = 60  # characters


async def create(
    auth: Auth,
    pair: KeyPair,
    *,
    project: str | None,
    token_uri: str,
    label: str = "",
    expires: datetime | None = None,
    algorithm: keys.Algorithm = "RS256",
) -> dict[str, Any]:
    """Return Google's key file of a new key for the user of a pair. Raises Problem.

    Google's clients sign with RS256; `algorithm` ES256 is for clients that know it.
    """
    _check(label, expires)
    maker = await auth.proved(pair)
    credential = await _own_pair(auth, maker, pair, label, expires) or maker
    return await keys.register_key(
        auth,
        credential,
        project=project,
        token_uri=token_uri,
        label=label.strip(),
        expires=expires,
        algorithm=algorithm,
    )


def _check(label: str, expires: datetime | None) -> None:
    if len(label) > _LABEL or not label.isprintable():
        raise Problem.invalid("label", f"Give a name of at most {_LABEL} characters.")
    if expires and expires <= now():
        raise Problem.invalid("expires", "Give a moment that is still to come.")


async def _own_pair(
    auth: Auth, maker: Credential, pair: KeyPair, label: str, expires: datetime | None
) -> Credential | None:
    """Make a pair for one key, where CloudStack can; its credential has the maker's name."""
    client = auth.cloudstack.client(pair)
    known = await pairs.ability(client)
    if not known.several:
        return None
    user_id = (await prove(auth.cloudstack, pair)).user_id or await pairs.user_of(client, pair.api_key)
    if not user_id:
        return None
    name = " ".join(part for part in (pairs.KEY_NAME, label.strip(), f"{datetime.now(UTC):%Y-%m-%d}") if part)
    made = await pairs.make(client, user_id, known, name, "Behind a service-account key of gstack", expires)
    return await auth.store.put_credential(
        msgspec.structs.replace(
            maker,
            id=credential_id_of(made),
            kind=OWN,
            api_key=made.api_key,
            sealed_secret=auth.seal.seal(f"{made.api_key}:{made.secret_key}"),
            created=now(),
        )
    )


class Revoked(msgspec.Struct, frozen=True):
    """What came of a revocation. `left` is why a pair stays at CloudStack; empty: nothing stays that was made here."""

    found: bool
    left: str = ""


async def revoke(auth: Auth, key_id: str, pair: KeyPair | None = None, who: str = "operator") -> Revoked:
    """Revoke a key here at once, then delete the pair that was made for it, with this pair or with itself."""
    known = await auth.store.keys(service_keys.c.key_id == key_id)
    found = await keys.revoke_key(auth, key_id, who)
    credential = await auth.store.credential(known[0].credential_id) if known else None
    if not found or credential is None or credential.kind != OWN:
        return Revoked(found)
    await auth.store.revoke_credential(credential.id)
    await auth.announce_revocation()
    own = auth.pair_of(credential)
    try:
        await _delete(auth, pair or own, own)
    except ApiError as problem:
        return Revoked(found, problem.message)
    return Revoked(found)


async def _delete(auth: Auth, voice: KeyPair, own: KeyPair) -> None:
    client = auth.cloudstack.client(voice)
    user_id = (await prove(auth.cloudstack, voice)).user_id
    try:
        await pairs.delete(client, user_id, own.api_key)
    except Problem as problem:
        if voice != own or problem.status != _UNAUTHORIZED:
            raise  # a pair that deletes itself cannot ask how that went


_UNAUTHORIZED = 401


async def is_good(auth: Auth, key_id: str, pair: KeyPair) -> bool:
    """True where this key is in force, here and at CloudStack, and stands for the user of this pair."""
    known = await auth.store.keys(service_keys.c.key_id == key_id)
    if not known or not await auth.store.keys_of(known[0].email, key_id):
        return False
    credential = await auth.in_standing(known[0].credential_id)
    mine = {own.id for own in await auth.store.credentials_of(await auth.proved(pair))}
    return credential is not None and credential.id in mine


async def without_pair(auth: Auth, credential: Credential, found: Sequence[keys.ServiceKey]) -> frozenset[str]:
    """The ids of those keys whose own pair was deleted at CloudStack. Raises Problem."""
    own = {known.id: known.api_key for known in await auth.store.credentials_of(credential) if known.kind == OWN}
    standing = [key for key in found if key.credential_id in own]
    if not standing:
        return frozenset()
    pair = auth.pair_of(credential)
    left = await pairs.api_keys(auth.cloudstack.client(pair), (await prove(auth.cloudstack, pair)).user_id)
    return frozenset(key.key_id for key in standing if left and own[key.credential_id] not in left)


async def of_user(auth: Auth, credential: Credential) -> list[keys.ServiceKey]:
    """The keys of a user, newest first: those on the credential, and on pairs made for keys of the same user."""
    ids = [known.id for known in await auth.store.credentials_of(credential)]
    found = await auth.store.keys(service_keys.c.credential_id.in_(ids))
    return found[::-1]


__all__ = ["OWN", "Revoked", "create", "is_good", "of_user", "revoke", "without_pair"]
