"""Back-off for sign-in and token requests: who fails often waits, longer each time. Answered as 429 with Retry-After.

Failures are counted three times: of an account from an address, of an address, of an account. The count is kept in the
database, so all workers and replicas know it. An address from which an account proved itself within a month is known
for this account: there only its own failures together count, so nobody can lock out a working client from elsewhere,
nor from behind the same address with other accounts. The others take turns per address, so that a burst of guesses
does not pass before the first one is counted. Signatures cannot be guessed, and who is said to have signed is often
public: there the failures of an address alone are counted, and never against who is known there. Only hashes are kept.
"""

import asyncio
import hashlib
import ipaddress
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from authlib.oauth2.base import OAuth2Error
from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.store import now
from gstack.db.engine import reading, writing
from gstack.db.tables import attempts
from gstack.errors import Problem

FREE_PAIR = 5  # failures of one account from one address before it has to wait
FREE_WIDE = 20  # failures of one address, or of one account from everywhere
LONGEST_PAIR = 900  # seconds
LONGEST_WIDE = 60
FORGOTTEN = timedelta(hours=1)  # without a failure
KNOWN = timedelta(days=30)
_NOTED = timedelta(days=1)  # a success is written once in this time
_WRONG = frozenset({"invalid_client", "invalid_grant"})
_UNAUTHORIZED = 401
_NETWORK = 64  # bits of an IPv6 address that tell one customer from another


class _Keys(msgspec.Struct, frozen=True):
    pair: str
    address: str
    account: str
    guessable: bool

    @property
    def read(self) -> tuple[str, ...]:
        return (self.pair, self.address, self.account) if self.guessable else (self.pair, self.address)

    @property
    def failing(self) -> tuple[str, ...]:
        return (self.pair, self.address, self.account) if self.guessable else (self.address,)


def is_wrong(error: BaseException) -> bool:
    """True where an error says that what was shown proves nothing: it counts as a failure."""
    if isinstance(error, Problem):
        return error.status == _UNAUTHORIZED
    return isinstance(error, OAuth2Error) and error.error in _WRONG


class Limits:
    """Use: `async with limits.attempt(address, account): prove`. Raises Problem 429 before the block where due."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._now = clock
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def attempt(self, address: str, account: str, *, guessable: bool = True) -> AsyncIterator[None]:
        """Count what happens inside: an error that `is_wrong` is a failure, no error is a success.

        `account` is what the client claims to be: a user name with its domain, a client id, a service account.
        `guessable`: what it shows is a password or the like, not a signature.
        """
        keys = _keys(address, account, guessable=guessable)
        if await self._known(keys):
            async with self._counted(keys):
                yield
            return
        turn = self._turns.setdefault(keys.address, asyncio.Lock())
        async with turn:
            await self._known(keys)
            async with self._counted(keys):
                yield

    @asynccontextmanager
    async def _counted(self, keys: _Keys) -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:
            if is_wrong(error):
                await self._failed(keys)
            raise
        await self._succeeded(keys)

    async def _known(self, keys: _Keys) -> bool:
        """Raise Problem 429 where somebody has to wait; else tell whether this account is known at this address."""
        query = select(attempts).where(attempts.c.key.in_(keys.read))
        async with reading(self._engine) as connection:
            rows = {row.key: row for row in await connection.execute(query)}
        moment, pair = self._now(), rows.get(keys.pair)
        known = bool(pair and pair.good and pair.good > moment - KNOWN)
        counts = [pair] if known else list(rows.values())
        wait = max((_seconds(row.until, moment) for row in counts if row and row.until), default=0)
        if wait > 0:
            raise Problem.rate_limited(f"Too many failed attempts. Try again in {wait} seconds.", wait)
        return known

    async def _failed(self, keys: _Keys) -> None:
        moment = self._now()
        stale = attempts.c.seen < moment - FORGOTTEN
        again = {"failures": case((stale, 1), else_=attempts.c.failures + 1), "seen": moment}
        async with writing(self._engine) as connection:
            for key in sorted(keys.failing):  # in one order, so that two never wait for each other
                row = {"key": key, "failures": 1, "seen": moment}
                statement = self._insert(attempts).values(row)
                statement = statement.on_conflict_do_update(index_elements=["key"], set_=again)
                failures = (await connection.execute(statement.returning(attempts.c.failures))).scalar_one()
                if wait := _wait(failures, pair=key == keys.pair):
                    change = update(attempts).where(attempts.c.key == key)
                    await connection.execute(change.values(until=moment + timedelta(seconds=wait)))

    async def _succeeded(self, keys: _Keys) -> None:
        moment = self._now()
        query = select(attempts.c.failures, attempts.c.good).where(attempts.c.key == keys.pair)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        if row and not row.failures and row.good and row.good > moment - _NOTED:
            return
        good = {"failures": 0, "seen": moment, "until": None, "good": moment}
        statement = self._insert(attempts).values(key=keys.pair, **good)
        async with writing(self._engine) as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=good))

    async def prune(self) -> None:
        """Drop what counts no more."""
        moment = self._now()
        failed = attempts.c.good.is_(None) & (attempts.c.seen < moment - FORGOTTEN)
        async with writing(self._engine) as connection:
            await connection.execute(delete(attempts).where(failed | (attempts.c.seen < moment - KNOWN)))


def _wait(failures: int, *, pair: bool) -> int:
    """Seconds to wait after so many failures: 1, 2, 4, … beyond the free ones."""
    beyond = failures - (FREE_PAIR if pair else FREE_WIDE)
    longest = LONGEST_PAIR if pair else LONGEST_WIDE
    return min(1 << min(beyond, 20), longest) if beyond >= 0 else 0


def _seconds(until: datetime, moment: datetime) -> int:
    return math.ceil((until - moment).total_seconds())


def _keys(address: str, account: str, *, guessable: bool) -> _Keys:
    place, who = place_of(address), account.strip().lower()
    return _Keys(_hash("pair", place, who), _hash("address", place), _hash("account", who), guessable)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def place_of(address: str) -> str:
    """An address, or the network of an IPv6 address: one customer has all of it."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        mapped = known.ipv4_mapped
        return str(mapped or ipaddress.ip_network((known, _NETWORK), strict=False))
    return str(known)
