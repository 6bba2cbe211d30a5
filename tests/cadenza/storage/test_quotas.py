"""Durable counters: no place is given twice, in any window, whoever asks at the same time."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadenza.accounts import Period, Ramp, Unit
from cadenza.model import TouchId
from cadenza.pacing.caps import Cap
from cadenza.pacing.windows import CountingWindow
from cadenza.storage import batches, quotas
from cadenza.storage.batches import ClaimedBatch
from cadenza.storage.database import Database
from tests.cadenza.storage.test_batches import claimed
from tests.support.rows import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def cap(
    at_most: int,
    *,
    key: str = "account:a:day",
    unit: Unit = Unit.DAY,
    span: timedelta | None = None,
    ramp: Ramp | None = None,
) -> Cap:
    period = Period(span=span) if span else Period(unit=unit)
    window = CountingWindow(period, "UTC")
    return Cap(key=key, at_most=at_most, window=window, reason=f"by-{key}", ramp=ramp)


async def take(
    database: Database,
    batch: ClaimedBatch,
    touches: Sequence[int],
    caps: Sequence[Cap],
    at: datetime = NOON,
) -> quotas.Taken:
    async with database.transaction() as tx:
        return await quotas.take(tx, batch, [(TouchId(n), caps) for n in touches], at)


async def test_places_of_a_day_are_never_given_twice(database: Database) -> None:
    batch = await claimed(database, 1)
    both = [cap(50), cap(1_000, key="deployment")]
    taken = await asyncio.gather(
        *(take(database, batch, range(10 * n, 10 * n + 7), both) for n in range(10))
    )
    assert sum(len(some.ends) for some in taken) == 50
    assert sum(len(some.refused) for some in taken) == 20
    async with database.transaction() as tx:
        midnight = NOON.replace(hour=0)
        await quotas.give_back(tx, {("account:a:day", midnight): 5, ("deployment", midnight): 5})
    assert len((await take(database, batch, range(100, 110), both)).ends) == 5


async def test_a_touch_takes_as_many_places_as_it_costs_and_gives_them_back(
    database: Database,
) -> None:
    batch = await claimed(database, 1)
    costs = {TouchId(1): 3, TouchId(2): 3, TouchId(3): 2, TouchId(4): 1}
    wanted = [(touch_id, [cap(5)]) for touch_id in costs]
    async with database.transaction() as tx:
        taken = await quotas.take(tx, batch, wanted, NOON, costs=costs)
        reserved = await batches.fence(tx, batch)
    assert list(taken.ends) == [1, 3]
    midnight = NOON.replace(hour=0)
    # Tomorrow has five places: three for the one, one for the other.
    assert {r.retry_at for r in taken.refused.values()} == {midnight + DAY}
    assert [quotas.cost_of(reserved, touch_id) for touch_id in costs] == [3, 1, 2, 1]
    assert quotas.unused(reserved, [TouchId(3)]) == {("account:a:day", midnight): 3}


async def test_a_costly_touch_waits_until_a_rolling_window_has_room_for_all_of_it(
    database: Database,
) -> None:
    batch = await claimed(database, 1)
    rolling = cap(4, span=DAY)
    first = NOON.replace(hour=0)
    await take(database, batch, [1], [rolling], first)
    await take(database, batch, [2, 3], [rolling], first + 6 * HOUR)
    async with database.transaction() as tx:
        taken = await quotas.take(tx, batch, [(TouchId(4), [rolling])], NOON, costs={TouchId(4): 3})
    assert taken.refused[TouchId(4)].retry_at >= first + DAY + 6 * HOUR


async def test_a_touch_that_one_cap_refuses_takes_no_place_under_another(
    database: Database,
) -> None:
    batch = await claimed(database, 1)
    narrow, wide = cap(1, key="account:a:day"), cap(9, key="deployment")
    first = await take(database, batch, [1, 2], [narrow, wide])
    assert set(first.ends) == {1}
    assert first.refused[TouchId(2)].reason == "by-account:a:day"
    places = [("account:a:day", NOON.replace(hour=0)), ("deployment", NOON.replace(hour=0))]
    async with database.connection() as db:
        assert await quotas.used(db, places) == dict.fromkeys(places, 1)
        assert await quotas.full(db, [narrow, wide], NOON) == {"account:a:day"}


async def test_each_refused_touch_is_sent_to_a_window_with_room(database: Database) -> None:
    batch = await claimed(database, 1)
    hourly = [cap(2, key="domain:x:hour", unit=Unit.HOUR)]
    first = await take(database, batch, [1, 2, 3, 4, 5, 6, 7], hourly)
    hours = [first.refused[TouchId(n)].retry_at.hour for n in (3, 4, 5, 6, 7)]
    assert hours == [13, 13, 14, 14, 15]
    second = await take(database, batch, [8], hourly)
    assert second.refused[TouchId(8)].retry_at.hour == 15


async def test_a_ramp_opens_a_little_more_each_day(database: Database) -> None:
    batch = await claimed(database, 1)
    ramp = Ramp(start=1, step=2, ceiling=4, since=date(2026, 3, 3))
    ramped = [cap(4, key="account:a:ramp", ramp=ramp)]
    before = await take(database, batch, [1], ramped, NOON)
    assert before.refused[TouchId(1)].retry_at == datetime(2026, 3, 3, tzinfo=UTC)
    counts = [
        len((await take(database, batch, range(10 * n, 10 * n + 9), ramped, NOON + n * DAY)).ends)
        for n in range(1, 5)
    ]
    assert counts == [1, 3, 4, 4]


async def test_what_was_taken_is_known_after_a_crash(database: Database) -> None:
    batch = await claimed(database, 1)
    await take(database, batch, [7, 8, 9], [cap(2)])
    async with database.transaction() as tx:
        await batches.expire_worker(tx, "w1")
        (sealed,) = await batches.seal_expired(tx, 10)
    assert sealed.reserved == [("account:a:day", NOON.replace(hour=0), [7, 8])]
    assert quotas.unused(sealed.reserved, [TouchId(8)]) == {
        ("account:a:day", NOON.replace(hour=0)): 1
    }


async def test_a_place_ends_with_its_window(database: Database) -> None:
    batch = await claimed(database, 1)
    both = [cap(5), cap(5, key="domain:x:hour", unit=Unit.HOUR)]
    taken = await take(database, batch, [1], both)
    assert taken.ends[TouchId(1)] == (NOON + HOUR, "by-domain:x:hour")


async def test_counters_are_forgotten_but_for_the_days_of_accounts(database: Database) -> None:
    batch = await claimed(database, 1)
    many = [
        cap(5),
        cap(5, key="domain:x:hour", unit=Unit.HOUR),
        cap(5, key="company:x:rolling", span=10 * DAY),
    ]
    await take(database, batch, [1], many)

    async def known(at: datetime) -> int:
        async with database.transaction() as tx:
            await quotas.forget_old(tx, at)
            count: int = await tx.fetchval("select count(distinct key) from quota_use")
            return count

    assert await known(NOON + DAY) == 3
    assert await known(NOON + 3 * DAY) == 2
    assert await known(NOON + 30 * DAY) == 1


MOMENTS = st.lists(st.integers(min_value=0, max_value=5_000), min_size=1, max_size=60)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moments=MOMENTS, at_most=st.integers(1, 6), minutes=st.integers(60, 900))
async def test_no_rolling_window_ever_holds_too_many(
    database: Database, moments: list[int], at_most: int, minutes: int
) -> None:
    async with database.connection() as db:
        await db.execute("truncate quota_use, batch, due, enrollment, prospect cascade")
    batch = await claimed(database, 1)
    span = timedelta(minutes=minutes)
    rolling = [cap(at_most, key="deployment:rolling", span=span)]
    granted: list[datetime] = []
    retries: list[tuple[datetime, datetime]] = []
    for n, minute in enumerate(sorted(moments)):
        at = NOON + timedelta(minutes=minute)
        taken = await take(database, batch, [n], rolling, at)
        granted += [at] * len(taken.ends)
        retries += [(at, refusal.retry_at) for refusal in taken.refused.values()]
    for n, first in enumerate(granted):
        assert sum(first <= other < first + span for other in granted[n:]) <= at_most
    # Room comes back at most one span and a bucket and a half after the last was granted.
    assert all(at < retry <= at + span * 26 / 24 + timedelta(minutes=1) for at, retry in retries)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Asia/Kolkata", "America/St_Johns"])
def test_calendar_windows_follow_each_other_without_a_gap(zone: str) -> None:
    for unit in Unit:
        window = CountingWindow(Period(unit=unit), zone)
        at = datetime(2026, 3, 1, tzinfo=UTC)
        ends: Counter[timedelta] = Counter()
        for _ in range(2_000 if unit is Unit.HOUR else 30):
            start, end = window.bucket(at)
            assert start <= at < end
            assert window.bucket(end - timedelta(microseconds=1)) == (start, end)
            ends[end - start] += 1
            at = end
        if unit is Unit.HOUR:
            assert set(ends) <= {HOUR, HOUR / 2}


def test_a_rolling_window_is_cut_into_buckets_of_whole_seconds() -> None:
    window = CountingWindow(Period(span=timedelta(hours=1)), "UTC")
    starts = [window.bucket(NOON + timedelta(seconds=s))[0] for s in range(0, 3600, 10)]
    widths = {b - a for a, b in itertools.pairwise(sorted(set(starts)))}
    assert widths == {timedelta(seconds=150)}
