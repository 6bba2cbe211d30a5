"""What is in force when a touch would begin is what counts, not what was when it was planned."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cadenza.accounts import Accounts
from cadenza.model import BatchId
from tests.support.pipeline import TWO_MAILS, Pipeline, accounts, pipeline

TUESDAY = date(2026, 3, 3)
PUT_OFF = "select reason, (due_at at time zone 'Europe/Paris')::date from due"


def accounts_with(**more: Any) -> Accounts:
    """One mailbox; `more` goes into the file, `window` to the account and `overdue` further up."""
    document = accounts().model_dump(by_alias=True)
    document["accounts"][0]["window"] = more.pop("window", None)
    document["organisation"]["overdue"] = more.pop("overdue", None)
    return Accounts.model_validate({**document, **more})


@asynccontextmanager
async def line_with(
    database_url: str, redis_url: str, *, sources: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[Pipeline]:
    async with pipeline(
        database_url, redis_url, file=accounts_with(**more), sources=sources or TWO_MAILS
    ) as made:
        yield made


def cadence_with(line: str) -> dict[str, str]:
    """The cadence of the pipeline with one more line at its head."""
    return {
        name: f"{line}\n{text}" if name.endswith(".yaml") else text
        for name, text in TWO_MAILS.items()
    }


async def stage(line: Pipeline, late_by: timedelta = timedelta()) -> BatchId:
    """Let the one touch come due, with nobody there for `late_by`, and stage it."""
    due = await line.value("select due_at from due")
    line.clock.advance(max(timedelta(), due + late_by - line.clock.now()))
    await line.scheduler.make_pass()
    [batch] = line.hints.released
    line.hints.released.clear()
    return batch


async def test_a_touch_keeps_to_its_accounts_own_window(database_url: str, redis_url: str) -> None:
    afternoons = {"days": "tue", "hours": "14:00-16:00"}
    async with line_with(database_url, redis_url, window=afternoons) as line:
        await line.enroll()

        due = (await line.value("select due_at from due")).astimezone(UTC)
        end = (await line.value("select window_end from due")).astimezone(UTC)

    assert due.date() == TUESDAY
    assert 13 <= due.hour < 15  # Paris is an hour ahead
    assert end == datetime(2026, 3, 3, 15, tzinfo=UTC)


async def test_nothing_is_planned_on_a_day_off_of_an_own_calendar(
    database_url: str, redis_url: str
) -> None:
    off = [{"countries": ["FR"], "holidays": ["2026-03-02", "2026-03-03"]}]
    async with line_with(database_url, redis_url, calendars=off) as line:
        await line.enroll()

        due = await line.value("select due_at from due")

    assert due.date() == date(2026, 3, 4)


async def test_a_blackout_that_came_after_the_plan_puts_the_touch_off(
    database_url: str, redis_url: str
) -> None:
    async with line_with(database_url, redis_url) as planner:
        await planner.enroll()
        silent = [{"from": "2026-03-02", "to": "2026-03-03", "reason": "an outage of ours"}]
        async with line_with(database_url, redis_url, blackouts=silent) as line:
            batch = await stage(line)
            await line.delivery.deliver(batch)

            assert line.world.sent == []
            assert await line.rows(PUT_OFF) == [("blackout", date(2026, 3, 4))]


async def test_an_overdue_touch_is_placed_anew_with_its_gaps_kept(
    database_url: str, redis_url: str
) -> None:
    async with line_with(database_url, redis_url, overdue="reflow after 1 hour") as line:
        await line.enroll()
        batch = await stage(line, timedelta(days=1))
        await line.delivery.deliver(batch)

        assert line.world.sent == []
        [(reason, day)] = await line.rows(PUT_OFF)
        assert reason == "overdue"
        assert day >= TUESDAY
        assert await line.rows("select metric, value from rollup where metric like 'overdue%'") == [
            ("overdue:reflowed", 1)
        ]
        batch = await stage(line)
        await line.delivery.deliver(batch)
        assert len(line.world.sent) == 1
        began = await line.value("select began_at from touch")
        assert await line.value("select due_at from due") >= began + timedelta(days=1)


@pytest.mark.parametrize("cadence", [None, "overdue: skip"])
async def test_an_overdue_touch_is_passed_over_where_the_policy_says_so(
    cadence: str | None, database_url: str, redis_url: str
) -> None:
    sources = cadence_with(cadence) if cadence else None
    policy = {} if cadence else {"overdue": "skip"}
    async with line_with(database_url, redis_url, sources=sources, **policy) as line:
        await line.enroll()
        batch = await stage(line, timedelta(hours=30))
        await line.delivery.deliver(batch)

        assert line.world.sent == []
        assert await line.value("select count(*) from touch") == 0
        assert await line.rows(
            "select metric, value from rollup where metric in ('overdue:skipped', 'skipped') "
            "order by metric"
        ) == [("overdue:skipped", 1), ("skipped", 1)]
        assert await line.value("select course->'history'->'hello' ? 'overdue' from enrollment")
        assert await line.value("select step from due") == "again"


async def test_a_touch_that_is_a_little_late_goes(database_url: str, redis_url: str) -> None:
    async with line_with(database_url, redis_url, overdue="skip") as line:
        await line.enroll()
        batch = await stage(line, timedelta(minutes=20))
        await line.delivery.deliver(batch)

        assert len(line.world.sent) == 1


async def test_who_can_never_be_touched_is_refused_and_told_why(
    database_url: str, redis_url: str
) -> None:
    starts = [date(2026, 1, 1) + timedelta(days=300 * n) for n in range(3)]
    closed = [
        {"from": str(start), "to": str(start + timedelta(days=299)), "reason": "closed"}
        for start in starts
    ]
    async with line_with(database_url, redis_url, blackouts=closed) as line:
        await line.enroll()

        [(verdict, reason)] = await line.rows("select verdict, reason from receipt_row")
        assert verdict == "refused"
        assert "does not open within a year" in reason
