"""All SQL of the auth room: credentials, service-account keys, tokens. No secret comes here unsealed or unhashed."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.engine import reading, writing
from gstack.db.tables import credentials, service_keys, signing_keys, tokens

ACCESS, REFRESH, CODE = "access", "refresh", "code"
_KEPT = timedelta(days=1)  # an ended token is kept this long, so that a replay is still seen as one
_TOUCH = timedelta(seconds=60)  # `last_used` is no truer than this


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Credential(msgspec.Struct, frozen=True):
    """A CloudStack key pair that was proved, its secret still sealed, and whose it is. `user` is an e-mail."""

    id: str
    kind: str
    account: str
    account_id: str
    domain_id: str
    user: str
    api_key: str
    sealed_secret: bytes
    created: datetime
    revoked: datetime | None = None


class ServiceKey(msgspec.Struct, frozen=True):
    """A service-account key: its public half, and the credential that it stands for."""

    key_id: str
    credential_id: str
    email: str
    public_key: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None
    label: str = ""


class Token(msgspec.Struct, frozen=True):
    """An access token, a refresh token or a code. `hash` is opaque.digest of the token itself.

    `data` of a code: `redirect_uri`, `challenge`. Of a refresh token: `parent`, the hash of the one that brought it.
    Of an access token of a service account: `user`, its e-mail.
    """

    hash: str
    kind: str
    family: str
    credential_id: str | None
    client_id: str
    scopes: str
    created: datetime
    expires: datetime
    used: datetime | None = None
    revoked: datetime | None = None
    data: dict[str, str] = {}


class Store:
    """The rows. Each method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def put_credential(self, credential: Credential) -> Credential:
        """Write a proved pair, or its newer secret and owner; its kind and a revocation stay. Return what is kept."""
        fresh = msgspec.structs.asdict(credential)
        for name in ("id", "kind", "created", "revoked"):
            del fresh[name]
        change = update(credentials).where(credentials.c.id == credential.id).values(fresh)
        if not await self._change(change):
            try:
                async with writing(self.engine) as connection:
                    await connection.execute(insert(credentials).values(msgspec.structs.asdict(credential)))
            except IntegrityError:  # another process was faster
                await self._change(change)
        return await self.credential(credential.id) or credential

    async def credential(self, credential_id: str) -> Credential | None:
        """Return a credential, revoked or not."""
        row = await self._first(select(credentials).where(credentials.c.id == credential_id))
        return Credential(**row._asdict()) if row else None

    async def credentials_of(self, credential: Credential) -> list[Credential]:
        """Return the credentials of the same CloudStack user, those that were revoked too."""
        same = (credentials.c.account_id == credential.account_id) & (credentials.c.user == credential.user)
        async with reading(self.engine) as connection:
            return [Credential(**row._asdict()) for row in await connection.execute(select(credentials).where(same))]

    async def revoke_credential(self, credential_id: str) -> None:
        """Revoke a credential: nothing that stands on it works any more."""
        change = update(credentials).where(credentials.c.id == credential_id, credentials.c.revoked.is_(None))
        await self._change(change.values(revoked=now()))

    async def families(self, credential_ids: list[str]) -> list[Token]:
        """Return the access and refresh tokens in force of these credentials, oldest first."""
        good = (tokens.c.expires > now()) & tokens.c.revoked.is_(None) & tokens.c.kind.in_((ACCESS, REFRESH))
        query = select(tokens).where(tokens.c.credential_id.in_(credential_ids), good).order_by(tokens.c.created)
        async with reading(self.engine) as connection:
            return [Token(**row._asdict()) for row in await connection.execute(query)]

    async def add_key(self, key: ServiceKey) -> None:
        """Register a service-account key."""
        async with writing(self.engine) as connection:
            await connection.execute(insert(service_keys).values(msgspec.structs.asdict(key)))

    async def keys(self, *conditions: ColumnElement[bool]) -> list[ServiceKey]:
        """Return service-account keys, oldest first, ended ones too."""
        query = select(service_keys).where(*conditions).order_by(service_keys.c.created, service_keys.c.key_id)
        async with reading(self.engine) as connection:
            return [ServiceKey(**row._asdict()) for row in await connection.execute(query)]

    async def keys_of(self, email: str, key_id: str = "") -> list[ServiceKey]:
        """Return the keys in force of a service account; only the one of this id where it is given."""
        conditions = [service_keys.c.email == email, service_keys.c.revoked.is_(None)]
        if key_id:
            conditions.append(service_keys.c.key_id == key_id)
        moment = now()
        return [key for key in await self.keys(*conditions) if not key.expires or key.expires > moment]

    async def revoke_key(self, key_id: str, family: str) -> bool:
        """Revoke a key and the tokens that it brought; False where there is none in force."""
        moment = now()
        async with writing(self.engine) as connection:
            change = update(service_keys).where(service_keys.c.key_id == key_id, service_keys.c.revoked.is_(None))
            found = await connection.execute(change.values(revoked=moment))
            await connection.execute(_revoke(tokens.c.family == family, moment))
        return bool(found.rowcount)

    async def touch_key(self, key: ServiceKey) -> None:
        """Remember that a key was used, once a minute at most."""
        moment = now()
        if not key.last_used or key.last_used < moment - _TOUCH:
            change = update(service_keys).where(service_keys.c.key_id == key.key_id).values(last_used=moment)
            await self._change(change)

    async def add_tokens(self, *new: Token) -> None:
        """Write new tokens."""
        async with writing(self.engine) as connection:
            await connection.execute(insert(tokens), [msgspec.structs.asdict(token) for token in new])

    async def token(self, digest: str, kind: str = "") -> Token | None:
        """Return a token by its hash, ended or not."""
        query = select(tokens).where(tokens.c.hash == digest)
        row = await self._first(query.where(tokens.c.kind == kind) if kind else query)
        return Token(**row._asdict()) if row else None

    async def in_force(self, digest: str) -> tuple[Token, Credential] | None:
        """Return an access token that is good now, with its credential."""
        token = await self.token(digest, ACCESS)
        if token is None or token.revoked or token.expires <= now():
            return None
        credential = await self.credential(token.credential_id or "")
        return (token, credential) if credential and not credential.revoked else None

    async def exchange(self, old: Token, *new: Token) -> bool:
        """Use up a code for new tokens, once; a second time ends its whole family and gives False.

        One transaction: of two who come with the same token at once, the later one finds what the first got.
        """
        unused = update(tokens).where(tokens.c.hash == old.hash, tokens.c.used.is_(None), tokens.c.revoked.is_(None))
        async with writing(self.engine) as connection:
            first = bool((await connection.execute(unused.values(used=now()))).rowcount)
            if first:
                await connection.execute(insert(tokens), [msgspec.structs.asdict(token) for token in new])
            else:
                await connection.execute(_revoke(tokens.c.family == old.family, now()))
        return first

    async def rotate(self, old: Token, *new: Token) -> bool:
        """Give a refresh token a successor; False, and its family ends, where a successor of it was used already.

        Using a token shows that it arrived: what brought it is used up then. Successors that never came back go.
        """
        live = select(tokens.c.hash).where(
            tokens.c.family == old.family,
            tokens.c.kind == REFRESH,
            tokens.c.used.is_(None),
            tokens.c.revoked.is_(None),
        )
        parent = old.data.get("parent", "")
        async with writing(self.engine) as connection:
            known = set(await connection.scalars(live.order_by(tokens.c.hash).with_for_update()))
            if old.hash not in known:
                await connection.execute(_revoke(tokens.c.family == old.family, now()))
                return False
            await connection.execute(update(tokens).where(tokens.c.hash == parent).values(used=now()))
            longer = {"expires": max(token.expires for token in new)}  # it ends when nobody uses it for long
            await connection.execute(update(tokens).where(tokens.c.hash == old.hash).values(longer))
            await connection.execute(delete(tokens).where(tokens.c.hash.in_(known - {old.hash, parent})))
            await connection.execute(insert(tokens), [msgspec.structs.asdict(token) for token in new])
        return True

    async def revoke_family(self, family: str) -> None:
        """Revoke every token of a family."""
        await self._change(_revoke(tokens.c.family == family, now()))

    async def revoke_token(self, digest: str) -> None:
        """Revoke one token."""
        await self._change(_revoke(tokens.c.hash == digest, now()))

    async def signing_key(self, name: str) -> bytes | None:
        """Return a key of ours, still sealed."""
        row = await self._first(select(signing_keys.c.sealed_key).where(signing_keys.c.id == name))
        return row.sealed_key if row else None

    async def keep_signing_key(self, name: str, sealed: bytes) -> bytes:
        """Keep a key of ours, unless another process was faster; return what is kept."""
        with suppress(IntegrityError):
            async with writing(self.engine) as connection:
                await connection.execute(insert(signing_keys).values(id=name, sealed_key=sealed, created=now()))
        return await self.signing_key(name) or sealed

    async def prune(self) -> None:
        """Drop tokens that ended a while ago."""
        async with writing(self.engine) as connection:
            await connection.execute(delete(tokens).where(tokens.c.expires < now() - _KEPT))

    async def _first(self, query: Select[Any]) -> Row[Any] | None:
        async with reading(self.engine) as connection:
            row: Row[Any] | None = (await connection.execute(query)).first()
            return row

    async def _change(self, change: Update) -> int:
        async with writing(self.engine) as connection:
            return (await connection.execute(change)).rowcount


def _revoke(which: ColumnElement[bool], moment: datetime) -> Update:
    return update(tokens).where(which, tokens.c.revoked.is_(None)).values(revoked=moment)
