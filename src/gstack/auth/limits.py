"""Limits on guessing and on cheap requests. Both answer 429 with Retry-After.

`Limits` makes clients that fail to sign in wait, longer each time. Failures are counted for an account at one address,
for an address, and for an account from everywhere. The counts are in the database, so all workers and replicas share
them. If an account signed in successfully from an address within a month, only its own failures at that address count
there. So nobody can lock out a working client, neither from elsewhere nor with other accounts behind the same address.
All other attempts from one address run one after the other, so that a burst of guesses does not get through before the
first one is counted. Signatures cannot be guessed, and the name of a signer is often public: for them only the failures
of an address count, and never against an account that signed in from there before. Only hashes are stored.

`RateLimit` limits how often an address may ask for something that needs no proof but costs a row in the database.
"""

import asyncio
import hashlib
import ipaddress
import math
import time
from collections import Counter
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

FREE_NARROW = 5  # failures of one account from one address before it has to wait
FREE_WIDE = 20  # failures of one address, or of one account from everywhere
LONGEST_NARROW = 900  # seconds
LONGEST_WIDE = 60  # seconds
FORGOTTEN = timedelta(hours=1)  # without a failure
TRUSTED = timedelta(days=30)  # after a success
MINUTE = 60.0
_SUCCESS_WRITTEN = timedelta(days=1)  # a success is written once in this time
_WRONG_PROOF = frozenset({"invalid_client", "invalid_grant"})
_UNAUTHORIZED = 401
_NETWORK_BITS = 64  # of an IPv6 address that distinguish one customer from another
_MOST_NETWORKS = 10_000  # that a RateLimit counts separately


class _Counters(msgspec.Struct, frozen=True):
    """The keys of the rows that count one attempt."""

    narrow: str  # of the account at the address
    address: str
    account: str
    guessable: bool

    @property
    def read(self) -> tuple[str, ...]:
        return (self.narrow, self.address, self.account) if self.guessable else (self.narrow, self.address)

    @property
    def failing(self) -> tuple[str, ...]:
        return (self.narrow, self.address, self.account) if self.guessable else (self.address,)


def is_wrong_proof(error: BaseException) -> bool:
    """Tell whether an error means that a password, secret or signature was wrong. Such errors count as failures."""
    if isinstance(error, Problem):
        return error.status == _UNAUTHORIZED
    return isinstance(error, OAuth2Error) and error.error in _WRONG_PROOF


class Limits:
    """Use: `async with limits.attempt(address, account): …`. Raises Problem 429 before the block if one must wait."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._now = clock
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def attempt(self, address: str, account: str, *, guessable: bool = True) -> AsyncIterator[None]:
        """Count what happens inside the block: an error that `is_wrong_proof` is a failure, no error is a success.

        `account` is what the client claims to be: a user name with its domain, a client id, a service account.
        `guessable`: the client shows a password or the like, not a signature.
        """
        network, name = network_of(address), account.strip().lower()
        counters = _Counters(_hash("pair", network, name), _hash("address", network), _hash("account", name), guessable)
        if await self._is_trusted(counters):
            async with self._counted(counters):
                yield
            return
        lock = self._locks.setdefault(counters.address, asyncio.Lock())
        async with lock:
            await self._is_trusted(counters)
            async with self._counted(counters):
                yield

    @asynccontextmanager
    async def _counted(self, counters: _Counters) -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:
            if is_wrong_proof(error):
                await self._count_failure(counters)
            raise
        await self._count_success(counters)

    async def _is_trusted(self, counters: _Counters) -> bool:
        """Tell whether this account signed in from this address before. Raises Problem 429 if the client must wait."""
        query = select(attempts).where(attempts.c.key.in_(counters.read))
        async with reading(self._engine) as connection:
            rows = {row.key: row for row in await connection.execute(query)}
        moment, narrow = self._now(), rows.get(counters.narrow)
        trusted = bool(narrow and narrow.good and narrow.good > moment - TRUSTED)
        counting = [narrow] if trusted else list(rows.values())
        waits = ((row.until - moment).total_seconds() for row in counting if row and row.until)
        wait = max(map(math.ceil, waits), default=0)
        if wait > 0:
            raise Problem.rate_limited(f"Too many failed attempts. Try again in {wait} seconds.", wait)
        return trusted

    async def _count_failure(self, counters: _Counters) -> None:
        moment = self._now()
        stale = attempts.c.seen < moment - FORGOTTEN
        again = {"failures": case((stale, 1), else_=attempts.c.failures + 1), "seen": moment}
        async with writing(self._engine) as connection:
            for key in sorted(counters.failing):  # always in the same order, so that two never deadlock
                row = {"key": key, "failures": 1, "seen": moment}
                statement = self._insert(attempts).values(row)
                statement = statement.on_conflict_do_update(index_elements=["key"], set_=again)
                failures = (await connection.execute(statement.returning(attempts.c.failures))).scalar_one()
                if wait := _wait(failures, narrow=key == counters.narrow):
                    change = update(attempts).where(attempts.c.key == key)
                    await connection.execute(change.values(until=moment + timedelta(seconds=wait)))

    async def _count_success(self, counters: _Counters) -> None:
        moment = self._now()
        query = select(attempts.c.failures, attempts.c.good).where(attempts.c.key == counters.narrow)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).first()
        if row and not row.failures and row.good and row.good > moment - _SUCCESS_WRITTEN:
            return
        good = {"failures": 0, "seen": moment, "until": None, "good": moment}
        statement = self._insert(attempts).values(key=counters.narrow, **good)
        async with writing(self._engine) as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=good))

    async def prune(self) -> None:
        """Delete counts that no longer matter."""
        moment = self._now()
        failed = attempts.c.good.is_(None) & (attempts.c.seen < moment - FORGOTTEN)
        async with writing(self._engine) as connection:
            await connection.execute(delete(attempts).where(failed | (attempts.c.seen < moment - TRUSTED)))


def _wait(failures: int, *, narrow: bool) -> int:
    """Return the seconds to wait after so many failures: 1, 2, 4, … beyond the free ones."""
    beyond = failures - (FREE_NARROW if narrow else FREE_WIDE)
    longest = LONGEST_NARROW if narrow else LONGEST_WIDE
    return min(1 << min(beyond, 20), longest) if beyond >= 0 else 0


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


class RateLimit:
    """Use: `rate_limit.check(address)` before the work. Raises Problem 429 after `most` requests in one minute.

    Each process counts by itself, in memory, and starts again every minute. That is enough to keep anybody from filling
    the database.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._started = clock()
        self._counts: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Count one request."""
        left = self._started + MINUTE - self._clock()
        if left <= 0:
            self._started, left = self._clock(), MINUTE
            self._counts.clear()
        network = network_of(address)
        if network not in self._counts and len(self._counts) >= _MOST_NETWORKS:
            network = ""  # so many at once are not honest users: all further ones share one count
        self._counts[network] += 1
        if self._counts[network] > self._most:
            wait = int(left) + 1
            raise Problem.rate_limited(f"Too many requests. Try again in {wait} seconds.", wait)


def network_of(address: str) -> str:
    """Return an IPv4 address as it is, and the network of an IPv6 address, all of which belongs to one customer."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))
    return str(parsed)
