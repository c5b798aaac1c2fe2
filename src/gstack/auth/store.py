"""The SQL for credentials, service-account keys, tokens and signing keys. No secret gets here unsealed or unhashed."""

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
_REPLAY_WINDOW = timedelta(days=1)  # expired tokens stay this long, so that a replay is still recognised
_TOUCH = timedelta(seconds=60)  # how exact `last_used` is


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


class Credential(msgspec.Struct, frozen=True):
    """A verified CloudStack key pair with its secret still sealed, and whose it is. `user` is an e-mail."""

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
    """An access token, a refresh token or a code. `hash` is tokens.digest of the token itself.

    `data` of a code contains `redirect_uri`, `challenge` and `nonce`; of a refresh token `parent`, the hash of the one
    that it replaces; of an access token of a service account `user`, the service account's e-mail.
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
        """Store a verified pair, or update its secret and user, not its kind or revocation. Return what is stored."""
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
        """Return all credentials of the same CloudStack user, including revoked ones."""
        same = (credentials.c.account_id == credential.account_id) & (credentials.c.user == credential.user)
        async with reading(self.engine) as connection:
            return [Credential(**row._asdict()) for row in await connection.execute(select(credentials).where(same))]

    async def revoke_credential(self, credential_id: str) -> None:
        """Revoke a credential and thereby everything that relies on it."""
        change = update(credentials).where(credentials.c.id == credential_id, credentials.c.revoked.is_(None))
        await self._change(change.values(revoked=now()))

    async def families(self, credential_ids: list[str]) -> list[Token]:
        """Return the valid access and refresh tokens of these credentials, oldest first."""
        good = (tokens.c.expires > now()) & tokens.c.revoked.is_(None) & tokens.c.kind.in_((ACCESS, REFRESH))
        query = select(tokens).where(tokens.c.credential_id.in_(credential_ids), good).order_by(tokens.c.created)
        async with reading(self.engine) as connection:
            return [Token(**row._asdict()) for row in await connection.execute(query)]

    async def add_key(self, key: ServiceKey) -> None:
        """Register a service-account key."""
        async with writing(self.engine) as connection:
            await connection.execute(insert(service_keys).values(msgspec.structs.asdict(key)))

    async def keys(self, *conditions: ColumnElement[bool]) -> list[ServiceKey]:
        """Return service-account keys, oldest first, including expired and revoked ones."""
        query = select(service_keys).where(*conditions).order_by(service_keys.c.created, service_keys.c.key_id)
        async with reading(self.engine) as connection:
            return [ServiceKey(**row._asdict()) for row in await connection.execute(query)]

    async def keys_of(self, email: str, key_id: str = "") -> list[ServiceKey]:
        """Return the valid keys of a service account, or only the one with this id."""
        conditions = [service_keys.c.email == email, service_keys.c.revoked.is_(None)]
        if key_id:
            conditions.append(service_keys.c.key_id == key_id)
        moment = now()
        return [key for key in await self.keys(*conditions) if not key.expires or key.expires > moment]

    async def revoke_key(self, key_id: str, family: str) -> bool:
        """Revoke a key and its tokens. Return False if there is no such key that is not yet revoked."""
        moment = now()
        async with writing(self.engine) as connection:
            change = update(service_keys).where(service_keys.c.key_id == key_id, service_keys.c.revoked.is_(None))
            found = await connection.execute(change.values(revoked=moment))
            await connection.execute(_revoke(tokens.c.family == family, moment))
        return bool(found.rowcount)

    async def touch_key(self, key: ServiceKey) -> None:
        """Record that a key was used, at most once a minute."""
        moment = now()
        if not key.last_used or key.last_used < moment - _TOUCH:
            change = update(service_keys).where(service_keys.c.key_id == key.key_id).values(last_used=moment)
            await self._change(change)

    async def add_tokens(self, *new: Token) -> None:
        """Store new tokens."""
        async with writing(self.engine) as connection:
            await connection.execute(insert(tokens), [msgspec.structs.asdict(token) for token in new])

    async def token(self, digest: str, kind: str = "") -> Token | None:
        """Return a token by its hash, even if it has expired or was revoked."""
        query = select(tokens).where(tokens.c.hash == digest)
        row = await self._first(query.where(tokens.c.kind == kind) if kind else query)
        return Token(**row._asdict()) if row else None

    async def valid_access_token(self, digest: str) -> tuple[Token, Credential] | None:
        """Return an access token that is valid now, with its credential."""
        token = await self.token(digest, ACCESS)
        if token is None or token.revoked or token.expires <= now():
            return None
        credential = await self.credential(token.credential_id or "")
        return (token, credential) if credential and not credential.revoked else None

    async def exchange(self, old: Token, *new: Token) -> bool:
        """Exchange a code for new tokens. A second exchange revokes the whole family and returns False.

        This is one transaction: if two exchange the same code at once, the later one finds what the first one got.
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
        """Add a successor to a refresh token. Return False, and revoke the family, if a successor was used before.

        Using a token shows that the client received it, so the token that it replaced is then used up. Successors that
        were never used are deleted.
        """
        live = select(tokens.c.hash).where(
            tokens.c.family == old.family,
            tokens.c.kind == REFRESH,
            tokens.c.used.is_(None),
            tokens.c.revoked.is_(None),
        )
        parent = old.data.get("parent", "")
        async with writing(self.engine) as connection:
            valid = set(await connection.scalars(live.order_by(tokens.c.hash).with_for_update()))
            if old.hash not in valid:
                await connection.execute(_revoke(tokens.c.family == old.family, now()))
                return False
            await connection.execute(update(tokens).where(tokens.c.hash == parent).values(used=now()))
            longer = {"expires": max(token.expires for token in new)}  # it expires only if nobody uses it
            await connection.execute(update(tokens).where(tokens.c.hash == old.hash).values(longer))
            await connection.execute(delete(tokens).where(tokens.c.hash.in_(valid - {old.hash, parent})))
            await connection.execute(insert(tokens), [msgspec.structs.asdict(token) for token in new])
        return True

    async def revoke_family(self, family: str) -> None:
        """Revoke every token of a family."""
        await self._change(_revoke(tokens.c.family == family, now()))

    async def revoke_token(self, digest: str) -> None:
        """Revoke one token."""
        await self._change(_revoke(tokens.c.hash == digest, now()))

    async def signing_key(self, name: str) -> bytes | None:
        """Return one of our own keys, still sealed."""
        row = await self._first(select(signing_keys.c.sealed_key).where(signing_keys.c.id == name))
        return row.sealed_key if row else None

    async def put_signing_key(self, name: str, sealed: bytes) -> bytes:
        """Store one of our own keys, unless another process was faster. Return what is stored."""
        with suppress(IntegrityError):
            async with writing(self.engine) as connection:
                await connection.execute(insert(signing_keys).values(id=name, sealed_key=sealed, created=now()))
        return await self.signing_key(name) or sealed

    async def prune(self) -> None:
        """Delete tokens that expired more than a day ago."""
        async with writing(self.engine) as connection:
            await connection.execute(delete(tokens).where(tokens.c.expires < now() - _REPLAY_WINDOW))

    async def _first(self, query: Select[Any]) -> Row[Any] | None:
        async with reading(self.engine) as connection:
            row: Row[Any] | None = (await connection.execute(query)).first()
            return row

    async def _change(self, change: Update) -> int:
        async with writing(self.engine) as connection:
            return (await connection.execute(change)).rowcount


def _revoke(which: ColumnElement[bool], moment: datetime) -> Update:
    return update(tokens).where(which, tokens.c.revoked.is_(None)).values(revoked=moment)
