"""Trust: which tokens of other issuers stand for which CloudStack key pair. For `gstack trust` and token exchange.

A mapping has conditions on claims, all of which a token must meet, and the credential that the token then stands for.
Whoever adds a mapping shows the key pair, so nobody can map tokens to somebody else's account. A condition compares
exactly; only in a pattern does `*` stand for any text.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.auth import Auth
from gstack.auth.keys.service_accounts import email_of
from gstack.auth.oauth.jwt import UntrustedError
from gstack.auth.store import now
from gstack.auth.tokens import key_family
from gstack.cloudstack.signing import KeyPair
from gstack.db.engine import reading, writing
from gstack.db.tables import subjects
from gstack.errors import Problem
from gstack.wildcards import wildcard

IS, LIKE = "is", "like"
POOL = "//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/gstack/providers/"
_VALUE_LIMIT = 1000  # characters


class Condition(msgspec.Struct, frozen=True):
    """A claim and what it must be: `is` a value, or `like` a pattern in which `*` stands for any text."""

    claim: str
    kind: str
    value: str


class TrustMapping(msgspec.Struct, frozen=True):
    """Whose tokens stand for a credential. `issuer` is its name in the settings, `email` the service account's."""

    id: str
    issuer: str
    conditions: tuple[Condition, ...]
    credential_id: str
    email: str
    label: str
    created: datetime
    revoked: datetime | None = None
    last_used: datetime | None = None


async def add(
    auth: Auth, keys: KeyPair, issuer: str, conditions: tuple[Condition, ...], *, project: str = "", label: str = ""
) -> TrustMapping:
    """Verify a CloudStack key pair, and let tokens that meet the conditions stand for it.

    Raises Problem 400 if the settings do not name the issuer or the conditions would let strangers in, and 401 if
    CloudStack does not accept the pair.
    """
    if issuer not in auth.issuers.trust:
        names = ", ".join(sorted(auth.issuers.trust)) or "none"
        raise Problem.invalid("issuer", f"the settings have no [trust.{issuer}] (they have: {names}).")
    check_conditions(conditions)
    credential = await auth.verify_pair(keys)
    email = await email_of(auth, credential, project or credential.account)
    mapping = TrustMapping(secrets.token_hex(8), issuer, conditions, credential.id, email, label, now())
    row = msgspec.structs.asdict(mapping) | {"conditions": msgspec.to_builtins(conditions)}
    async with writing(auth.store.engine) as connection:
        await connection.execute(insert(subjects).values(row))
    facts = {"account": credential.account, "project": project, "target": email, "key": mapping.id, "result": "done"}
    auth.audit.write("key", what="trust added", who=credential.user, **facts)
    return mapping


def check_conditions(conditions: tuple[Condition, ...]) -> None:
    """Refuse conditions that do not say whose tokens they accept: an issuer issues tokens to many, `sub` tells whose.

    Raises Problem 400.
    """
    by_claim = {condition.claim: condition for condition in conditions}
    sub = by_claim.get("sub")
    if sub is None:
        raise Problem.invalid("sub", "say which `sub` the token must have. Other claims can only narrow it.")
    if sub.kind == LIKE and not sub.value.partition("*")[0]:
        raise Problem.invalid("sub", "a pattern for `sub` must begin with fixed text, not with `*`.")
    for condition in conditions:
        if not condition.value or len(condition.value) > _VALUE_LIMIT:
            raise Problem.invalid(condition.claim, f"give the claim a value of 1 to {_VALUE_LIMIT} characters.")
        if condition.kind not in {IS, LIKE}:
            raise Problem.invalid(condition.claim, f"a condition is `{IS}` or `{LIKE}`.")
    if len(by_claim) != len(conditions):
        raise Problem.invalid("claim", "name each claim once.")


def meets(conditions: tuple[Condition, ...], claims: Mapping[str, Any]) -> bool:
    """Tell whether a token's claims meet all conditions. No conditions at all are never met."""
    return bool(conditions) and all(_met(condition, claims.get(condition.claim)) for condition in conditions)


def _met(condition: Condition, value: Any) -> bool:
    """Compare a claim as text: a list by its members, a boolean or a number in JSON's spelling."""
    if isinstance(value, list):
        return any(_met(condition, member) for member in value if not isinstance(member, list))
    if not isinstance(value, (str, int)):
        return False
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if condition.kind == IS:
        return text == condition.value
    return "\n" not in text and wildcard(condition.value)(text)


async def list_mappings(engine: AsyncEngine, *conditions: ColumnElement[bool]) -> list[TrustMapping]:
    """Return mappings, oldest first, including removed ones."""
    query = select(subjects).where(*conditions).order_by(subjects.c.created, subjects.c.id)
    async with reading(engine) as connection:
        rows = [row._asdict() for row in await connection.execute(query)]
    return [
        TrustMapping(**row | {"conditions": msgspec.convert(row["conditions"], tuple[Condition, ...])}) for row in rows
    ]


async def find_mapping(engine: AsyncEngine, issuer: str, claims: Mapping[str, Any]) -> TrustMapping:
    """Return the mapping for the claims of a verified token. Raises UntrustedError if none or several fit."""
    mappings = await list_mappings(engine, subjects.c.issuer == issuer, subjects.c.revoked.is_(None))
    matching = [mapping for mapping in mappings if meets(mapping.conditions, claims)]
    if not matching:
        raise UntrustedError(f"No account is mapped to this token (sub '{str(claims.get('sub'))[:200]}').")
    if len({(mapping.credential_id, mapping.email) for mapping in matching}) > 1:
        raise UntrustedError("Several accounts are mapped to this token. The operator must tell them apart.")
    return matching[0]


async def touch(engine: AsyncEngine, mapping: TrustMapping) -> None:
    """Record that a mapping was used."""
    async with writing(engine) as connection:
        await connection.execute(update(subjects).where(subjects.c.id == mapping.id).values(last_used=now()))


async def remove(auth: Auth, mapping_id: str) -> bool:
    """End a mapping and its access tokens. Return False if there is no such mapping that is still in force."""
    change = update(subjects).where(subjects.c.id == mapping_id, subjects.c.revoked.is_(None))
    async with writing(auth.store.engine) as connection:
        found = bool((await connection.execute(change.values(revoked=now()))).rowcount)
    await auth.store.revoke_family(key_family(mapping_id))
    await auth.announce_revocation()
    result = "done" if found else "notFound"
    auth.audit.write("key", what="trust removed", who="operator", key=mapping_id, result=result)
    return found


def external_account(issuer: str, token_uri: str, source: str) -> dict[str, object]:
    """Return Google's external-account file for an issuer. `source` is the file or URL that gives the token."""
    kind = "url" if source.startswith(("https://", "http://")) else "file"
    return {
        "type": "external_account",
        "audience": f"{POOL}{issuer}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": token_uri,
        "credential_source": {kind: source},
    }
