"""Subjects: which tokens of another issuer stand for which CloudStack key pair. For `gstack trust`.

A subject is a list of conditions on claims, all of which a token must meet, and the credential that it then stands
for. Who adds one shows the key pair, so nobody maps a token to an account that is not his to give. A condition is
exact; only where a pattern was asked for does `*` stand for any text.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.oauth.jwt import UntrustedError
from gstack.auth.store import now
from gstack.db.engine import reading, writing
from gstack.db.tables import subjects
from gstack.errors import Problem
from gstack.wildcards import wildcard

IS, LIKE = "is", "like"
_LONGEST = 1000  # characters of a value


class Condition(msgspec.Struct, frozen=True):
    """A claim, and what it must be: `is` the value, or `like` a pattern in which `*` stands for any text."""

    claim: str
    kind: str
    value: str


class Subject(msgspec.Struct, frozen=True):
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


def new_subject(issuer: str, conditions: tuple[Condition, ...], credential_id: str, email: str, label: str) -> Subject:
    """Make a subject. Raises Problem 400 where its conditions would let strangers in."""
    check(conditions)
    return Subject(secrets.token_hex(8), issuer, conditions, credential_id, email, label, now())


def check(conditions: tuple[Condition, ...]) -> None:
    """Refuse conditions without `sub`: the tokens of one issuer are made for many, `sub` alone tells whose they are."""
    by_claim = {condition.claim: condition for condition in conditions}
    sub = by_claim.get("sub")
    if sub is None:
        raise Problem.invalid("sub", "say which `sub` the token must have; other claims can only narrow it.")
    if sub.kind == LIKE and not sub.value.partition("*")[0]:
        raise Problem.invalid("sub", "a pattern for `sub` must begin with what is fixed, not with `*`.")
    for condition in conditions:
        if not condition.value or len(condition.value) > _LONGEST or condition.kind not in {IS, LIKE}:
            raise Problem.invalid(condition.claim, "a claim must be something.")
    if len(by_claim) != len(conditions):
        raise Problem.invalid("claim", "name each claim once.")


def meets(conditions: tuple[Condition, ...], claims: Mapping[str, Any]) -> bool:
    """Tell whether a token's claims meet all conditions."""
    return bool(conditions) and all(_met(condition, claims.get(condition.claim)) for condition in conditions)


def _met(condition: Condition, value: Any) -> bool:
    if isinstance(value, list):
        return any(_met(condition, one) for one in value if not isinstance(one, list))
    text = _text(value)
    if text is None:
        return False
    if condition.kind == IS:
        return text == condition.value
    return "\n" not in text and wildcard(condition.value)(text)


def _text(value: Any) -> str | None:
    """A claim's value as it is compared: JSON's own spelling for what is no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int)) else None


class Subjects:
    """The rows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, subject: Subject) -> None:
        """Write a subject."""
        row = msgspec.structs.asdict(subject) | {"conditions": msgspec.to_builtins(subject.conditions)}
        async with writing(self._engine) as connection:
            await connection.execute(insert(subjects).values(row))

    async def all(self, *conditions: ColumnElement[bool]) -> list[Subject]:
        """Return subjects, oldest first, ended ones too."""
        query = select(subjects).where(*conditions).order_by(subjects.c.created, subjects.c.id)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [_subject(row._asdict()) for row in rows]

    async def of(self, issuer: str, claims: Mapping[str, Any]) -> Subject:
        """Return the subject that a proven token stands for. Raises UntrustedError where none or several would."""
        known = await self.all(subjects.c.issuer == issuer, subjects.c.revoked.is_(None))
        fitting = [subject for subject in known if meets(subject.conditions, claims)]
        if not fitting:
            raise UntrustedError(f"No account is mapped to this token (sub '{str(claims.get('sub'))[:200]}').")
        if len({(subject.credential_id, subject.email) for subject in fitting}) > 1:
            raise UntrustedError("Several accounts are mapped to this token. The operator must tell them apart.")
        return fitting[0]

    async def touch(self, subject: Subject) -> None:
        """Remember that a subject was used."""
        async with writing(self._engine) as connection:
            change = update(subjects).where(subjects.c.id == subject.id).values(last_used=now())
            await connection.execute(change)

    async def revoke(self, subject_id: str) -> bool:
        """End a subject; False where none in force has this id."""
        change = update(subjects).where(subjects.c.id == subject_id, subjects.c.revoked.is_(None))
        async with writing(self._engine) as connection:
            return bool((await connection.execute(change.values(revoked=now()))).rowcount)


def _subject(row: dict[str, Any]) -> Subject:
    return Subject(**row | {"conditions": msgspec.convert(row["conditions"], tuple[Condition, ...])})
