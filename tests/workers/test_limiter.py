"""The batch limiter, on a real Valkey."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from cadenza.errors import LimiterUnavailable
from cadenza.model import Quota
from tests.support.clocks import SetClock
from workers.limiter import RedisLimiter

GAP = timedelta(minutes=10)


def quota(
    key: str = "account:a", *, limit: int = 1, period: timedelta = GAP, burst: int = 1
) -> Quota:
    return Quota(key=key, limit=limit, period=period, burst=burst, reason=f"reason-{key}")


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


async def warm(limiter: RedisLimiter, clock: SetClock, *quotas: Quota) -> None:
    """Let the limiter know the keys, and let one idle interval pass."""
    await limiter.acquire([quotas])
    clock.advance(max(q.period * q.burst for q in quotas))


async def test_a_key_that_is_not_known_starts_empty(client: Redis) -> None:
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    (grant,) = await limiter.acquire([[quota()]])
    assert not grant.granted
    assert grant.retry_at is not None
    assert abs(grant.retry_at - clock.now() - GAP) < timedelta(seconds=2)


async def test_a_permit_is_granted_once_per_interval(client: Redis) -> None:
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    await warm(limiter, clock, quota())
    first, second = await limiter.acquire([[quota()], [quota()]])
    assert first.granted
    assert not second.granted
    assert second.reason == "reason-account:a"
    clock.advance(GAP)
    (third,) = await limiter.acquire([[quota()]])
    assert third.granted


async def test_each_refused_touch_gets_a_turn_of_its_own(client: Redis) -> None:
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    await warm(limiter, clock, quota())
    grants = await limiter.acquire([[quota()]] * 4)
    turns = [grant.retry_at for grant in grants[1:] if grant.retry_at]
    assert [b - a for a, b in itertools.pairwise(turns)] == [GAP, GAP]


async def test_a_touch_that_one_quota_refuses_draws_on_none(client: Redis) -> None:
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    both = (quota("account:a"), quota("provider:p", limit=10, burst=2))
    await warm(limiter, clock, *both)
    assert (await limiter.acquire([[both[0]]]))[0].granted
    assert not (await limiter.acquire([both]))[0].granted
    grants = await limiter.acquire([[both[1]], [both[1]], [both[1]]])
    assert [grant.granted for grant in grants] == [True, True, False]


async def test_a_wipe_in_the_middle_never_lets_more_through(client: Redis) -> None:
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    await warm(limiter, clock, quota())
    granted: list[datetime] = []
    for minute in range(120):
        if minute % 7 == 3:
            await client.flushdb()
        if (await limiter.acquire([[quota()]]))[0].granted:
            granted.append(clock.now())
        clock.advance(timedelta(minutes=1))
    gaps = [b - a for a, b in itertools.pairwise(granted)]
    assert all(gap >= GAP for gap in gaps)


async def test_many_workers_together_get_no_permit_too_many(client: Redis) -> None:
    clock = SetClock()
    limiters = [RedisLimiter(client, clock) for _ in range(8)]
    shared = quota("provider:p", limit=20, period=timedelta(hours=1), burst=20)
    await warm(limiters[0], clock, shared)
    requests: Sequence[Sequence[Quota]] = [[shared]] * 10
    answers = await asyncio.gather(*(limiter.acquire(requests) for limiter in limiters))
    assert sum(grant.granted for grants in answers for grant in grants) == 20


async def test_a_clock_set_back_blocks_for_one_interval_at_most(client: Redis) -> None:
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    clock.advance(timedelta(days=400))
    await warm(limiter, clock, quota())
    clock.advance(-timedelta(days=400))
    (grant,) = await limiter.acquire([[quota()]])
    assert grant.retry_at is not None
    assert grant.retry_at <= clock.now() + GAP


async def test_touches_without_quotas_pass_without_asking(client: Redis) -> None:
    limiter = RedisLimiter(client, SetClock())
    assert [grant.granted for grant in await limiter.acquire([[], []])] == [True, True]


async def test_a_dead_server_is_said_and_nothing_is_granted() -> None:
    client = Redis.from_url("unix:///nonexistent/valkey.sock")
    with pytest.raises(LimiterUnavailable):
        await RedisLimiter(client, SetClock()).acquire([[quota()]])
    await client.aclose()
