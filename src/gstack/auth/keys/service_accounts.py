"""Service-account keys: Google's key files that stand for a CloudStack key pair. For the console and the commands.

The private half leaves the server in the key file and is not stored. A service account's e-mail names one key pair in
one project, so a JWT without a key id can be matched by its issuer.

If CloudStack gives users several pairs, each key gets a pair of its own, with a name and an end date. Revoking the key
then deletes that pair in CloudStack, and the user's own pair stays untouched. Otherwise the key uses the pair of the
user who created it, and revoking the key ends the key alone.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gstack.auth import tokens
from gstack.auth.auth import Auth
from gstack.auth.keys import key_pairs
from gstack.auth.keys.credentials import credential_id_of, identify, seal_pair, unseal_pair
from gstack.auth.store import Credential, ServiceKey, now
from gstack.cloudstack.signing import KeyPair
from gstack.db.tables import service_keys
from gstack.errors import ApiError, Problem

Algorithm = Literal["RS256", "ES256"]
OWN_PAIR = "key"  # the kind of a credential whose pair was created for one service-account key
_DOMAIN = "iam.gserviceaccount.com"  # libcloud recognises service accounts by this ending
_LABEL_LIMIT = 60  # characters
_UNAUTHORIZED = 401


async def create_key(
    auth: Auth,
    pair: KeyPair,
    *,
    project: str | None,
    token_uri: str,
    label: str = "",
    expires: datetime | None = None,
    algorithm: Algorithm = "RS256",
) -> dict[str, Any]:
    """Create a key for the user of a pair and return Google's key file. Raises Problem.

    Google's clients sign with RS256; ES256 is for clients that can use it.
    """
    if len(label) > _LABEL_LIMIT or not label.isprintable():
        raise Problem.invalid("label", f"Give a name of at most {_LABEL_LIMIT} printable characters.")
    if expires and expires <= now():
        raise Problem.invalid("expires", "The expiry time must be in the future.")
    creator = await auth.verify_pair(pair)
    credential = await _create_own_pair(auth, creator, pair, label, expires) or creator
    return await register_key(
        auth,
        credential,
        project=project,
        token_uri=token_uri,
        label=label.strip(),
        expires=expires,
        algorithm=algorithm,
    )


async def _create_own_pair(
    auth: Auth, creator: Credential, pair: KeyPair, label: str, expires: datetime | None
) -> Credential | None:
    """Create a pair for one key and store it under the creator's name; None if CloudStack knows one pair per user."""
    client = auth.cloudstack.client(pair)
    can = await key_pairs.capabilities(client)
    if not can.several:
        return None
    user_id = (await identify(auth.cloudstack, pair)).user_id or await key_pairs.find_user(client, pair.api_key)
    if not user_id:
        return None
    name = " ".join(
        part for part in (key_pairs.SERVICE_KEY_PREFIX, label.strip(), f"{datetime.now(UTC):%Y-%m-%d}") if part
    )
    own = await key_pairs.create(client, user_id, can, name, "Behind a service-account key of gstack", expires)
    return await auth.store.put_credential(
        msgspec.structs.replace(
            creator,
            id=credential_id_of(own),
            kind=OWN_PAIR,
            api_key=own.api_key,
            sealed_secret=seal_pair(auth.seal, own),
            created=now(),
        )
    )


async def register_key(
    auth: Auth,
    credential: Credential,
    *,
    project: str | None = None,
    token_uri: str,
    label: str = "",
    expires: datetime | None = None,
    algorithm: Algorithm = "RS256",
) -> dict[str, Any]:
    """Register a new key for a credential and return Google's key file. It names the account's project by default."""
    project = project or credential.account
    private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == "ES256":
        private_key = ec.generate_private_key(ec.SECP256R1())
    else:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM
    public = private_key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = private_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = ServiceKey(
        key_id=secrets.token_hex(20),
        credential_id=credential.id,
        email=await email_of(auth, credential, project),
        public_key=public.decode(),
        created=now(),
        expires=expires,
        label=label,
    )
    await auth.store.add_key(key)
    facts = {"account": credential.account, "project": project, "target": key.email, "key": key.key_id}
    auth.audit.write("key", what="created", who=credential.user, **facts, result="done")
    return _key_file(key, private.decode(), project, token_uri)


def _key_file(key: ServiceKey, private_pem: str, project: str, token_uri: str) -> dict[str, Any]:
    """Build Google's key file. It has no `universe_domain`: gcloud would look for our API under that domain."""
    parts = urlsplit(token_uri)
    base = f"{parts.scheme}://{parts.netloc}"
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": key.key_id,
        "private_key": private_pem,
        "client_email": key.email,
        "client_id": unique_id(key.email),
        "auth_uri": f"{base}/oauth2/auth",
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": f"{base}/oauth2/v3/certs",
        "client_x509_cert_url": f"{base}/robot/v1/metadata/x509/{quote(key.email)}",
    }


async def email_of(auth: Auth, credential: Credential, project: str) -> str:
    """Return the account's e-mail in this project. It includes the pair's id if another pair has the plain one."""
    host = f"{slug(project)}.{_DOMAIN}"
    plain = f"{slug(credential.account)}@{host}"
    others = await auth.store.keys(service_keys.c.email == plain, service_keys.c.credential_id != credential.id)
    return f"{slug(credential.account)}-{credential.id[:8]}@{host}" if others else plain


def slug(name: str) -> str:
    """Return a name in the form that e-mails and file names allow."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "account"


def unique_id(email: str) -> str:
    """Return a service account's numeric id, in Google's form: 21 decimal digits."""
    return str(10**20 + int(hashlib.sha256(email.encode()).hexdigest(), 16) % 10**20)


async def list_keys(auth: Auth, credential_id: str | None = None) -> list[ServiceKey]:
    """Return the service-account keys of a credential, or all; oldest first, with expired and revoked ones."""
    if credential_id is None:
        return await auth.store.keys()
    return await auth.store.keys(service_keys.c.credential_id == credential_id)


async def keys_of_user(auth: Auth, credential: Credential) -> list[ServiceKey]:
    """Return the keys of a user, newest first: those that use the user's pair and those that have their own."""
    ids = [own.id for own in await auth.store.credentials_of(credential)]
    return (await auth.store.keys(service_keys.c.credential_id.in_(ids)))[::-1]


class Revocation(msgspec.Struct, frozen=True):
    """The result of a revocation. `left` says why a pair that was created for the key is still in CloudStack."""

    found: bool
    left: str = ""


async def revoke_key(auth: Auth, key_id: str, pair: KeyPair | None = None, who: str = "operator") -> Revocation:
    """Revoke a key and its tokens here at once, then delete the pair that was created for it in CloudStack.

    `pair` may delete that pair; without it, the pair deletes itself. `who` goes into the audit log.
    """
    keys = await auth.store.keys(service_keys.c.key_id == key_id)
    found = await auth.store.revoke_key(key_id, tokens.key_family(key_id))
    await auth.announce_revocation()
    email = keys[0].email if keys else ""
    facts = {"project": email.partition("@")[2].removesuffix(f".{_DOMAIN}"), "target": email, "key": key_id}
    auth.audit.write("key", what="revoked", who=who, **facts, result="done" if found else "notFound")
    credential = await auth.store.credential(keys[0].credential_id) if keys else None
    if not found or credential is None or credential.kind != OWN_PAIR:
        return Revocation(found)
    await auth.store.revoke_credential(credential.id)
    await auth.announce_revocation()
    own = unseal_pair(auth.seal, credential)
    try:
        await _delete_pair(auth, pair or own, own)
    except ApiError as problem:
        return Revocation(found, problem.message)
    return Revocation(found)


async def _delete_pair(auth: Auth, deleting: KeyPair, pair: KeyPair) -> None:
    user_id = (await identify(auth.cloudstack, deleting)).user_id
    try:
        await key_pairs.delete(auth.cloudstack.client(deleting), user_id, pair.api_key)
    except Problem as problem:
        if deleting != pair or problem.status != _UNAUTHORIZED:
            raise  # a pair that deleted itself is refused when it asks for the job's result


async def is_usable(auth: Auth, key_id: str, pair: KeyPair) -> bool:
    """Tell whether this key is in force, here and in CloudStack, and belongs to the user of this pair."""
    keys = await auth.store.keys(service_keys.c.key_id == key_id)
    if not keys or not await auth.store.keys_of(keys[0].email, key_id):
        return False
    credential = await auth.usable_credential(keys[0].credential_id)
    ids = {own.id for own in await auth.store.credentials_of(await auth.verify_pair(pair))}
    return credential is not None and credential.id in ids


async def without_pair(auth: Auth, credential: Credential, keys: Sequence[ServiceKey]) -> frozenset[str]:
    """Return the ids of those keys of a user whose own pair was deleted in CloudStack. Raises Problem."""
    own = {one.id: one.api_key for one in await auth.store.credentials_of(credential) if one.kind == OWN_PAIR}
    keys_with_own = [key for key in keys if key.credential_id in own]
    if not keys_with_own:
        return frozenset()
    pair = unseal_pair(auth.seal, credential)
    user_id = (await identify(auth.cloudstack, pair)).user_id
    existing = await key_pairs.api_keys(auth.cloudstack.client(pair), user_id)
    return frozenset(key.key_id for key in keys_with_own if existing and own[key.credential_id] not in existing)
