"""Service-account keys: Google's key files that stand for a CloudStack key pair. For `gstack keys` and the console.

The private half leaves in the file and is kept nowhere. A service account's e-mail stands for one key pair in one
project, so a JWT without a key id is still found by its issuer.
"""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gstack.auth.auth import Auth
from gstack.auth.store import Credential, ServiceKey, now
from gstack.auth.tokens import key_family
from gstack.db.tables import service_keys

Algorithm = Literal["RS256", "ES256"]
_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_DOMAIN = "iam.gserviceaccount.com"  # libcloud tells service accounts by this end


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
    """Register a new key for a credential, return Google's key file.

    Without a `project` the file names the account's own. Google's clients sign with RS256; ES256 is for clients that
    know it.
    """
    shown = project or credential.account
    email = await email_of(auth, credential, shown)
    private = _private_key(algorithm)
    key = ServiceKey(
        key_id=secrets.token_hex(20),
        credential_id=credential.id,
        email=email,
        public_key=_public_pem(private),
        created=now(),
        expires=expires,
        label=label,
    )
    await auth.store.add_key(key)
    facts = {"account": credential.account, "project": shown, "target": email, "key": key.key_id, "result": "done"}
    auth.audit.write("key", what="created", who=credential.user, **facts)
    return _file(key, _private_pem(private), shown, token_uri)


async def list_keys(auth: Auth, credential_id: str | None = None) -> list[ServiceKey]:
    """Return the service-account keys of a credential, or all, ended ones too; oldest first."""
    if credential_id is None:
        return await auth.store.keys()
    return await auth.store.keys(service_keys.c.credential_id == credential_id)


async def revoke_key(auth: Auth, key_id: str, who: str = "operator") -> bool:
    """Revoke a key and all tokens that it brought; False where no key in force has this id. `who` did it."""
    known = await auth.store.keys(service_keys.c.key_id == key_id)
    revoked = await auth.store.revoke_key(key_id, key_family(key_id))
    await auth.announce_revocation()
    email = known[0].email if known else ""
    facts = {"project": _project_of(email), "target": email, "key": key_id}
    auth.audit.write("key", what="revoked", who=who, **facts, result="done" if revoked else "notFound")
    return revoked


async def email_of(auth: Auth, credential: Credential, project: str) -> str:
    """The account's e-mail in this project; marked by the key pair's id where another pair has it already."""
    host = f"{slug(project)}.{_DOMAIN}"
    plain = f"{slug(credential.account)}@{host}"
    others = await auth.store.keys(service_keys.c.email == plain, service_keys.c.credential_id != credential.id)
    return f"{slug(credential.account)}-{credential.id[:8]}@{host}" if others else plain


def _project_of(email: str) -> str:
    """The project in a service account's e-mail, as a slug."""
    return email.partition("@")[2].removesuffix(f".{_DOMAIN}")


def slug(name: str) -> str:
    """A name as it may stand in an e-mail or a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "account"


def unique_id(email: str) -> str:
    """A service account's numeric id, as Google's are: 21 decimal digits."""
    return str(10**20 + int(hashlib.sha256(email.encode()).hexdigest(), 16) % 10**20)


def _private_key(algorithm: Algorithm) -> _PrivateKey:
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _private_pem(key: _PrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _public_pem(key: _PrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _file(key: ServiceKey, private_pem: str, project: str, token_uri: str) -> dict[str, Any]:
    """Google's key file. It has no `universe_domain`: with it gcloud would look for our API under that domain."""
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


__all__ = ["Algorithm", "ServiceKey", "list_keys", "register_key", "revoke_key", "unique_id"]
