"""The limiter never grants one too many: in any window, to many processes, over a restart."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from cadenza.errors import LimiterUnavailable
from cadenza.model import Quota
from console.embedded import EmbeddedServers
from tests.cadenza.pacing.support import most_within
from tests.support.clocks import SetClock
from tests.workers.test_limiter import client  # noqa: F401 - a fixture
from workers.limiter import RedisLimiter

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

# What a worker process does until its input ends: asks for 20 permits at a time, as fast as it can,
# and tells when it began to ask and of each permit.
WORKER = """
import asyncio, os, sys
from datetime import timedelta
from redis.asyncio import Redis
from cadenza.clock import WallClock
from cadenza.errors import LimiterUnavailable
from cadenza.model import Quota
from workers.limiter import RedisLimiter

def tell(what):
    os.write(1, f"{clock.monotonic()} {what}\\n".encode())  # a line whole, whoever else writes

async def main(url):
    quota = Quota(key="shared", limit=400, burst=10, period=timedelta(minutes=1), reason="r")
    is_over = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    tell("asks")
    while not is_over.done():
        client = Redis.from_url(url)
        limiter = RedisLimiter(client, clock)
        try:
            while not is_over.done():
                for grant in await limiter.acquire([[quota]] * 20):
                    if grant.granted:
                        tell("granted")
        except LimiterUnavailable:
            await asyncio.sleep(0.01)
        await client.aclose()

clock = WallClock()
asyncio.run(main(sys.argv[1]))
"""
INTERVAL_SECONDS = 60 / (400 - 10 + 1)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    limit=st.integers(1, 12),
    share=st.integers(0, 100),
    steps=st.lists(st.integers(0, 25), min_size=5, max_size=60),
    wiped=st.sets(st.integers(0, 59), max_size=3),
)
async def test_no_window_ever_holds_more_than_the_limit(
    client: Redis,  # noqa: F811
    limit: int,
    share: int,
    steps: list[int],
    wiped: set[int],
) -> None:
    """Whatever the burst, and though the server is emptied in between."""
    await client.flushdb()
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    burst = max(1, limit * share // 100)
    quota = Quota(key="q", limit=limit, burst=burst, period=MINUTE, reason="r")
    granted: list[datetime] = []
    for n, step in enumerate(steps):
        if n in wiped:
            await client.flushdb()
        clock.advance(step * SECOND)
        grants = await limiter.acquire([[quota]] * 5)
        granted += [clock.now()] * sum(grant.granted for grant in grants)
    # The server reads its clock a moment before the test does.
    assert most_within(granted, MINUTE - SECOND / 4) <= limit


async def test_everything_that_waits_is_granted_in_its_turn(client: Redis) -> None:  # noqa: F811
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    quota = Quota(key="q", limit=6, burst=2, period=MINUTE, reason="r")
    await limiter.acquire([[quota]])
    clock.advance(MINUTE)
    left = 30
    for _ in range(300):
        left -= sum(grant.granted for grant in await limiter.acquire([[quota]] * left))
        if not left:
            break
        clock.advance(SECOND * 2)
    assert left == 0


async def test_a_text_of_three_segments_takes_three_permits(client: Redis) -> None:  # noqa: F811
    clock = SetClock()
    limiter = RedisLimiter(client, clock)

    def text(segments: int) -> list[Quota]:
        return [Quota(key="n", limit=1, period=SECOND, reason="account_rate", cost=segments)]

    await limiter.acquire([text(1)])
    clock.advance(MINUTE)
    first, second = await limiter.acquire([text(3), text(1)])
    assert first.granted
    assert not second.granted
    assert second.retry_at is not None
    assert abs(second.retry_at - clock.now() - 3 * SECOND) < SECOND / 2
    clock.advance(3 * SECOND)
    assert (await limiter.acquire([text(2)]))[0].granted


async def test_a_key_that_is_new_on_an_old_server_is_idle(client: Redis) -> None:  # noqa: F811
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    gap = Quota(key="first", limit=1, period=10 * MINUTE, reason="account_gap")
    await limiter.acquire([[gap]])
    clock.advance(10 * MINUTE)
    newcomer = Quota(key="new", limit=1, period=10 * MINUTE, reason="account_gap")
    assert (await limiter.acquire([[newcomer]]))[0].granted


async def test_the_gap_counts_between_beginnings(client: Redis) -> None:  # noqa: F811
    """One that was granted and began late moves the next, also one that was granted meanwhile."""
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    gap = Quota(key="g", limit=1, period=10 * MINUTE, reason="account_gap", at_begin=True)
    await limiter.acquire([[gap]])
    clock.advance(10 * MINUTE)
    assert (await limiter.acquire([[gap]]))[0].granted
    clock.advance(4 * MINUTE)
    assert (await limiter.begin([gap])).granted
    clock.advance(7 * MINUTE)
    late = (await limiter.acquire([[gap]]))[0]
    assert not late.granted
    refused = await limiter.begin([gap])
    assert (refused.granted, refused.reason) == (False, "account_gap")
    assert refused.retry_at is not None
    assert abs(refused.retry_at - clock.now() - 3 * MINUTE) < SECOND
    clock.advance(3 * MINUTE)
    assert (await limiter.begin([gap])).granted
    other = Quota(key="x", limit=1, period=MINUTE, reason="r")
    assert (await limiter.begin([other])).granted


async def test_beginning_fails_closed_too() -> None:
    dead = Redis.from_url("unix:///nonexistent/valkey.sock")
    gap = Quota(key="g", limit=1, period=MINUTE, reason="r", at_begin=True)
    with pytest.raises(LimiterUnavailable):
        await RedisLimiter(dead, SetClock()).begin([gap])
    await dead.aclose()


async def test_keys_that_are_past_are_forgotten(client: Redis) -> None:  # noqa: F811
    clock = SetClock()
    limiter = RedisLimiter(client, clock)
    quota = Quota(key="q", limit=10, period=SECOND, reason="r")
    await limiter.acquire([[quota]])
    clock.advance(SECOND)
    assert (await limiter.acquire([[quota]]))[0].granted
    assert 0 < await client.pttl("cadenza:limit:q") <= 2_200
    assert await client.pttl("cadenza:limit:born") == -1


def test_many_processes_get_no_permit_too_many_over_a_restart(
    own_servers: EmbeddedServers,
) -> None:
    """400 a minute, 10 at once: the first after an interval, and a restart adds none."""
    assert own_servers.valkey is not None
    told, tells = os.pipe()
    command = [sys.executable, "-c", WORKER, own_servers.redis_url]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=tells) for _ in range(3)]
    os.close(tells)
    try:
        with os.fdopen(told) as lines:
            before, after = list[float](), list[float]()
            began = heard(lines, before, asking=len(workers))
            heard(lines, before, granted=3)
            killed = time.monotonic()
            own_servers.valkey.kill()
            own_servers.valkey.restart()
            back = time.monotonic()
            heard(lines, after, granted=12)
            for worker in workers:
                worker.communicate()
            heard(lines, after)
            ended = time.monotonic()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    sooner = [moment for moment in before + after if moment < killed]
    assert len(sooner) <= (killed - began) / INTERVAL_SECONDS
    # One may have been granted in the moment of the kill, and be told of later.
    assert len(before + after) - len(sooner) - 1 <= (ended - back) / INTERVAL_SECONDS


def heard(lines: Iterable[str], grants: list[float], *, asking: int = 0, granted: int = 0) -> float:
    """Note grants until so many have begun to ask and were granted more, else to the end.

    Returns when the first began to ask.
    """
    first, began = len(grants), list[float]()
    for line in lines:
        moment, what = line.split()
        (grants if what == "granted" else began).append(float(moment))
        if (asking or granted) and len(began) >= asking and len(grants) - first >= granted:
            break
    return min(began, default=0.0)
