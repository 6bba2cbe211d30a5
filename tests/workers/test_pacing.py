"""Planning under limits, through the pipeline: spread, never refused, nothing idle."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cadenza.abc import Draw
from cadenza.accounts import Accounts, LimitRow
from cadenza.limits import LimitRules
from cadenza.pacing.book import second_of
from cadenza.pacing.grid import EPOCH, grid_of
from cadenza.slots.filling import fill_up
from console.auditing import audit
from console.capacity import forecast
from tests.support.pipeline import TWO_MAILS, Pipeline, accounts, pipeline

DEFERRED = "select coalesce(sum(value), 0) from rollup where metric like 'deferred:%'"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def one_mail(**policy: str) -> dict[str, str]:
    """A cadence of one mail. policy: of `enroll`."""
    enroll = "".join(f"  {name}: {value}\n" for name, value in policy.items())
    document = f"""
cadence: one
title: One mail
objective: meeting_booked
window: {{days: mon-fri, hours: "09:00-17:00"}}
from: {{email: outreach}}
{"enroll:" + chr(10) + enroll if enroll else ""}
steps:
  - step: hello
    email: hello
    day: 1
  - step: done
    end: no_response
"""
    return {"one.yaml": document, "templates/hello.liquid": TWO_MAILS["templates/hello.liquid"]}


async def broken(line: Pipeline) -> dict[str, int]:
    report = await audit(line.database, line.catalog, line.accounts)
    return {rule: count for rule, count in report.as_json().items() if count}


async def test_a_backlog_leaves_in_every_slot_and_is_never_refused(
    database_url: str, redis_url: str
) -> None:
    file = accounts(per_day=500, min_gap="10 minutes", gap_jitter="30%")
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(90)
        await line.run(days=4)
        began = sorted(at for (at,) in await line.rows("select began_at from touch"))
        assert len(began) == 90
        assert await line.value(DEFERRED) <= 1  # the limiter begins empty
        assert await broken(line) == {}
        # The share of slots used on the first whole day: all of them.
        grid = grid_of(file.accounts[0])
        assert grid is not None
        tuesday = MONDAY + timedelta(days=1)
        opens, closes = tuesday + timedelta(hours=8), tuesday + timedelta(hours=15, minutes=30)
        number, possible = grid.first_from(second_of(opens)), 0
        while EPOCH + timedelta(seconds=grid.at(number)) <= closes:
            number, possible = number + 1, possible + 1
        used = sum(opens <= at <= closes + timedelta(minutes=1) for at in began)
        assert used == possible >= 35


async def test_follow_ups_and_new_people_share_an_account_without_refusals(
    database_url: str, redis_url: str
) -> None:
    file = accounts(per_day=30, min_gap="10 minutes", gap_jitter="30%", count=2)
    async with pipeline(database_url, redis_url, file=file) as line:
        for day in range(4):
            await line.enroll(20, key=f"k{day}", prefix=f"d{day}-")
            await line.run(days=1)
        await line.run(days=6)
        sent = await line.rows("select step, count(*) from touch group by 1 order by 1")
        assert sent == [("again", 80), ("hello", 80)]
        assert await line.value(DEFERRED) <= 4
        assert await broken(line) == {}


async def test_rows_are_dated_when_there_is_no_room(database_url: str, redis_url: str) -> None:
    file = accounts(per_day=4)
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(10)
        dated = await line.rows(
            "select starts_at, reason from receipt_row where starts_at is not null"
        )
        assert len(dated) == 6
        assert min(at for at, _ in dated) > MONDAY + timedelta(days=1)
        assert {why for _, why in dated} <= {
            "no room for a first touch any sooner (account_per_day)",
            "no room for a first touch any sooner (follow_ups_first)",
        }
        started = await line.rows("select enrollment_id, starts_at from receipt_row order by 1")
        planned = dict(await line.rows("select enrollment_id, due_at from due"))
        assert all(at is None or planned[number] == at for number, at in started)


async def test_rows_are_refused_when_there_is_no_room_and_the_cadence_says_so(
    database_url: str, redis_url: str
) -> None:
    file, sources = accounts(per_day=4), one_mail(when_full="refuse")
    async with pipeline(database_url, redis_url, file=file, sources=sources) as line:
        await line.enroll(10)
        refused = await line.rows("select reason from receipt_row where verdict = 'refused'")
        assert len(refused) == 6
        assert all("no room for a first touch before 2026-03-0" in why for (why,) in refused)
        assert await line.value("select count(*) from enrollment") == 4
        assert await line.value("select count(*) from due") == 4


async def test_a_slot_that_becomes_free_is_filled_by_who_waits(
    database_url: str, redis_url: str
) -> None:
    file = accounts(per_day=5)
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(20)
        today = "select count(*) from due where due_at < $1"
        tonight = MONDAY + timedelta(days=1)
        assert await line.value(today, tonight) == 5
        stopped = "delete from due where enrollment_id in (select enrollment_id from due {})"
        await line.execute(stopped.format("order by due_at limit 3"))
        async with line.database.transaction() as tx:
            moved = await fill_up(tx, line.ground, line.clock.now())
        assert moved >= 3  # whoever moves makes room for the next
        assert await line.value(today, tonight) == 5
        async with line.database.transaction() as tx:
            assert await fill_up(tx, line.ground, line.clock.now()) == 0
        await line.run(days=10)
        assert len(line.world.sent) == 17
        assert await broken(line) == {}


async def test_limits_by_domain_send_each_touch_to_an_hour_with_room(
    database_url: str, redis_url: str
) -> None:
    file = with_limits({"scope": "domain", "at_most": 3, "per": "hour"})
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(30)
        await line.run(days=6)
        assert len(line.world.sent) == 30
        assert await line.value(DEFERRED) == 0
        assert await broken(line) == {}
        keys = await line.rows("select distinct unnest(draws) from due")
        assert not any("example.com" in key for (key,) in keys)


async def test_a_limit_that_came_later_defers_each_touch_about_once(
    database_url: str, redis_url: str
) -> None:
    """Planned without the limit: delivery keeps it, and names it."""
    file = with_limits({"scope": "deployment", "at_most": 4, "per": "hour"})
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(24)
        now = line.clock.now()
        await line.execute("update due set due_at = $1, planned_at = $1", now)
        await line.run(days=6)
        assert len(line.world.sent) == 24
        assert await line.value(DEFERRED) <= 24
        assert await broken(line) == {}
        reasons = await line.rows("select distinct metric from rollup where metric like 'def%'")
        assert reasons == [("deferred:deployment_limit",)]


def with_limits(*rows: dict[str, Any]) -> Accounts:
    limits = [LimitRow.model_validate(row) for row in rows]
    return accounts(per_day=500).model_copy(update={"limits": limits})


async def test_the_forecast_says_what_is_taken_free_and_binds(
    database_url: str, redis_url: str
) -> None:
    file = accounts(per_day=50, min_gap="10 minutes", gap_jitter="30%")
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(60)
        async with line.database.transaction() as tx:
            book = await line.ground.pacer.books.view(tx, line.clock.now() + timedelta(days=9))
        days = forecast(line.accounts, book, line.clock.now(), 7)
        assert [d.binds for d in days[5:]] == ["closed", "closed"]
        taken = {d.day.day: d.taken for d in days}
        assert sum(taken.values()) == 60
        assert days[0].free is not None
        assert days[0].free <= 6  # Paris closes an hour earlier
        thursday = days[3]
        assert (thursday.binds, thursday.cap) == ("account_gap", 50)
        assert thursday.free is not None
        assert 35 <= thursday.free + thursday.taken <= 41
        assert thursday.free_for_new == min(thursday.free, 15 - thursday.taken)


async def test_the_rules_that_bind_are_a_closed_set() -> None:
    rules = LimitRules(accounts())
    (account,) = accounts().accounts
    assert [cap.reason for cap in rules.caps(Draw(account=account))] == ["account_per_day"]


@pytest.mark.parametrize("gap", ["0 seconds", "10 minutes"])
async def test_what_an_enrollment_leaves_is_free_for_the_next(
    database_url: str, redis_url: str, gap: str
) -> None:
    file = accounts(per_day=3, min_gap=gap)
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        await line.enroll(3)
        before = await line.value("select max(due_at) from due")
        await line.execute("delete from due")
        line.clock.advance(timedelta(minutes=11))  # what is counted may be ten minutes old
        await line.enroll(3, key="other", prefix="q")
        assert await line.value("select max(due_at) from due") < before + timedelta(hours=12)


async def test_no_time_is_given_twice_however_far_a_backlog_reaches(
    database_url: str, redis_url: str
) -> None:
    file = accounts(per_day=50, per_week=3, min_gap="7 hours")
    async with pipeline(database_url, redis_url, file=file, sources=one_mail()) as line:
        for n in range(30):  # ten weeks
            await line.enroll(key=f"k{n}", prefix=f"a{n}-")
        times = [at for (at,) in await line.rows("select due_at from due")]
        assert len(set(times)) == 30
        assert max(times) > MONDAY + timedelta(weeks=9)
