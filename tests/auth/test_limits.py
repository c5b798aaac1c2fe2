"""gstack.auth.limits: who waits, how long, and who does not. On SQLite and on PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.limits import (
    FORGOTTEN,
    FREE_NARROW,
    FREE_WIDE,
    LONGEST_NARROW,
    LONGEST_WIDE,
    MINUTE,
    Limits,
    RateLimit,
)
from gstack.db.engine import reading
from gstack.db.tables import attempts
from gstack.errors import Problem

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


class Clock:
    """A clock that tests advance."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def limits(engine: AsyncEngine, clock: Clock) -> Limits:
    """Limits by that clock."""
    return Limits(engine, clock)


async def fail(limits: Limits, address: str = HERE, account: str = "demo") -> int:
    """Fail once; return the seconds to wait, or 0 if the attempt was made."""
    try:
        async with limits.attempt(address, account):
            raise Problem.unauthorized("wrong")
    except Problem as problem:
        return int(problem.headers.get("Retry-After", 0)) if problem.status == 429 else 0


async def succeed(limits: Limits, address: str = HERE, account: str = "demo") -> bool:
    try:
        async with limits.attempt(address, account):
            return True
    except Problem:
        return False


async def test_back_off_grows_up_to_its_limit(limits: Limits, clock: Clock) -> None:
    """The first failures are free, then each doubles the wait; after the wait one more try is allowed."""
    assert [await fail(limits) for _ in range(FREE_NARROW)] == [0] * FREE_NARROW
    waits = []
    for _ in range(12):
        waits.append(await fail(limits))
        clock.pass_by(waits[-1])
        assert await fail(limits) == 0
    assert waits == [min(2**power, LONGEST_NARROW) for power in range(12)]


async def test_nothing_is_tried_while_one_has_to_wait(limits: Limits) -> None:
    """During the wait even the right password is not tried."""
    for _ in range(FREE_NARROW):
        await fail(limits)
    assert not await succeed(limits)


async def test_a_success_ends_the_count(limits: Limits) -> None:
    """After a success the free failures start again."""
    for _ in range(3):
        for _ in range(FREE_NARROW - 1):
            assert not await fail(limits)
        assert await succeed(limits)


async def test_failures_are_forgotten(limits: Limits, clock: Clock) -> None:
    """After an hour without a failure nobody waits."""
    for _ in range(FREE_NARROW - 1):
        await fail(limits)
    clock.pass_by(FORGOTTEN.total_seconds() + 1)
    assert [await fail(limits) for _ in range(FREE_NARROW)] == [0] * FREE_NARROW


async def test_nobody_locks_out_a_working_client_from_elsewhere(limits: Limits) -> None:
    """Guesses from other addresses do not stop an account where it signed in before."""
    assert await succeed(limits)
    for number in range(3 * FREE_WIDE):
        await fail(limits, f"198.51.100.{number}")
    assert await succeed(limits)


async def test_nor_with_other_accounts_from_the_same_address(limits: Limits) -> None:
    """Guesses at other accounts behind the same address do not stop an account that signed in there before."""
    assert await succeed(limits)
    for number in range(3 * FREE_WIDE):
        await fail(limits, HERE, f"guess{number}")
    assert await succeed(limits)
    assert await fail(limits, HERE, "fresh") > 0


async def test_an_address_that_guesses_many_accounts_waits(limits: Limits, clock: Clock) -> None:
    """Guesses at many accounts make their address wait, but not for long, because others share it."""
    waits = [await fail(limits, HERE, f"a{number}") for number in range(FREE_WIDE + 1)]
    assert waits == [0] * FREE_WIDE + [1]
    assert await fail(limits, ELSEWHERE, "a") == 0
    for number in range(20):
        clock.pass_by(LONGEST_WIDE)
        await fail(limits, HERE, f"b{number}")
    assert await fail(limits, HERE, "c") == LONGEST_WIDE


async def test_an_account_guessed_at_from_many_addresses_waits(limits: Limits) -> None:
    """Guesses from many addresses make the account wait."""
    waits = [await fail(limits, f"198.51.100.{number}") for number in range(FREE_WIDE + 1)]
    assert waits == [0] * FREE_WIDE + [1]


async def test_one_customers_ipv6_network_is_one_address(limits: Limits) -> None:
    """A /64 counts as one address, and an IPv4-mapped IPv6 address as the IPv4 address."""
    for number in range(FREE_WIDE):
        await fail(limits, f"2001:db8::{number:x}", f"a{number}")
    assert await fail(limits, "2001:db8::ffff", "b") > 0
    assert await fail(limits, "2001:db8:0:1::1", "b") == 0
    for _ in range(FREE_NARROW):
        await fail(limits, "::ffff:192.0.2.9")
    assert await fail(limits, "192.0.2.9") > 0


async def test_a_burst_of_guesses_is_counted_one_by_one(limits: Limits) -> None:
    """A hundred guesses at once get as many tries as a hundred in a row."""
    tried = 0

    async def guess() -> None:
        nonlocal tried
        async with limits.attempt(HERE, "demo"):
            tried += 1
            await asyncio.sleep(0.001)
            raise Problem.unauthorized("wrong")

    answers = await asyncio.gather(*(guess() for _ in range(100)), return_exceptions=True)
    assert tried == FREE_NARROW
    assert sum(isinstance(answer, Problem) and answer.status == 429 for answer in answers) == 100 - FREE_NARROW


async def test_replicas_share_the_count(engine: AsyncEngine, clock: Clock) -> None:
    """Workers share the count."""
    first, second = Limits(engine, clock), Limits(engine, clock)
    for _ in range(FREE_NARROW):
        await fail(first)
    assert await fail(second) > 0


async def test_errors_that_are_no_wrong_proof_count_nothing(limits: Limits) -> None:
    """Errors that are not about a wrong proof are not counted."""
    for _ in range(2 * FREE_NARROW):
        with pytest.raises(Problem, match="down"):
            async with limits.attempt(HERE, "demo"):
                raise Problem.backend("down")
    assert await succeed(limits)


async def test_what_counts_no_more_is_dropped(limits: Limits, engine: AsyncEngine, clock: Clock) -> None:
    """Pruning deletes old failures, and successes after a month; rows contain no names."""
    await fail(limits, ELSEWHERE, "guess")
    await succeed(limits)

    async def row_count() -> int:
        async with reading(engine) as connection:
            found = (await connection.execute(select(attempts.c.key))).all()
            assert not any("demo" in row.key or HERE in row.key for row in found)
            return (await connection.execute(select(func.count()).select_from(attempts))).scalar_one()

    assert await row_count() == 4
    clock.pass_by(2 * FORGOTTEN.total_seconds())
    await limits.prune()
    assert await row_count() == 1
    clock.pass_by(31 * 86_400)
    await limits.prune()
    assert await row_count() == 0


async def test_signatures_are_counted_where_they_come_from(limits: Limits) -> None:
    """Forged signatures from many addresses do not make the real signer wait at a new address."""
    for number in range(2 * FREE_WIDE):
        with pytest.raises(Problem):
            async with limits.attempt(f"192.0.2.{number}", "ci", guessable=False):
                raise Problem.unauthorized("wrong")
    async with limits.attempt(ELSEWHERE, "ci", guessable=False):
        pass


async def test_forged_signatures_stop_nobody_beside_them(limits: Limits) -> None:
    """Forged signatures behind one address do not stop a client that proved itself there; others wait."""
    async with limits.attempt(HERE, "ci", guessable=False):
        pass
    for _ in range(FREE_WIDE):
        with pytest.raises(Problem):
            async with limits.attempt(HERE, "ci", guessable=False):
                raise Problem.unauthorized("wrong")
    async with limits.attempt(HERE, "ci", guessable=False):
        pass
    with pytest.raises(Problem) as refused:
        async with limits.attempt(HERE, "another", guessable=False):
            pass
    assert refused.value.status == 429


def test_a_minute_s_worth() -> None:
    """An address may send so many requests a minute; others are not affected, and each minute starts again."""
    moment = 100.0
    rate_limit = RateLimit(3, lambda: moment)
    for _ in range(3):
        rate_limit.check("192.0.2.1")
    moment += 20
    with pytest.raises(Problem) as refused:
        rate_limit.check("192.0.2.1")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "41")
    rate_limit.check("192.0.2.2")
    moment += MINUTE
    rate_limit.check("192.0.2.1")


def test_a_network_is_one_address() -> None:
    """An IPv6 network counts as one address; beyond very many addresses, new ones share one count."""
    rate_limit = RateLimit(2, lambda: 0.0)
    for last in (1, 2):
        rate_limit.check(f"2001:db8::{last}")
    with pytest.raises(Problem):
        rate_limit.check("2001:db8::3")
    for number in range(9_999):
        rate_limit.check(f"10.0.{number // 256}.{number % 256}")
    for last in (1, 2):
        rate_limit.check(f"192.0.2.{last}")
    with pytest.raises(Problem):
        rate_limit.check("192.0.2.3")
