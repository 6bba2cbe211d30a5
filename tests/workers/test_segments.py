"""Limits count texts by their segments: over seconds and days, in counters, ledger and audit."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar

from cadenza.accounts import Accounts
from cadenza.limits import LimitRules
from cadenza.model import Channel
from cadenza.storage import recounting
from tests.support.pipeline import Pipeline, World, accounts, pipeline, scripted_sender
from tests.workers.test_accounts_rest import broken

SOURCES: Mapping[str, str] = {
    "text.yaml": """
cadence: text
title: One long text
objective: goal
window: {days: mon-fri, hours: "09:00-17:00"}
from: {sms: outreach}
exit: {replied: stop}
steps:
  - step: text
    sms: "Hello {{ prospect.first_name }}. LONG"
    day: 1
  - step: done
    end: no_response
""".replace("LONG", 40 * "long "),
}
USED = "select key, used from quota_use where used > 0 order by window_start, key"


def hotline(**limits: Any) -> Accounts:
    document = accounts(**limits).model_dump(by_alias=True)
    document["accounts"][0] |= {"channel": "sms", "address": "+33612000000"}
    return Accounts.model_validate(document)


@asynccontextmanager
async def texting(
    database_url: str, redis_url: str, file: Accounts, count: int
) -> AsyncIterator[Pipeline]:
    """Texts of two segments each are planned for `count` people."""

    class Texts(scripted_sender(World())):  # type: ignore[misc]
        channel: ClassVar[Channel] = Channel.SMS

    types = {(Channel.SMS, "scripted"): Texts}
    async with pipeline(
        database_url, redis_url, file=file, sources=SOURCES, sender_types=types
    ) as line:
        for n in range(count):
            await line.enroll(key=f"k{n}", prefix=f"t{n}-", phone=f"+3361234567{n}")
        yield line


async def test_a_day_has_room_for_so_many_segments(database_url: str, redis_url: str) -> None:
    async with texting(database_url, redis_url, hotline(per_day=5), 4) as line:
        await line.run(days=3)
        days = await line.rows(
            "select began_at::date, count(*), sum(segments)::int from touch group by 1 order by 1"
        )
        assert [(texts, segments) for _, texts, segments in days] == [(2, 4), (2, 4)]
        assert await line.rows(USED) == [("account:mail-0:day", 4)] * 2
        assert await broken(line) == {}
        first = days[0][0]
        await line.execute("update touch set began_at = $1::date + interval '10 hours'", first)
        assert (await broken(line))["over_cap"] == 3


async def test_a_text_that_never_fits_is_for_a_person(database_url: str, redis_url: str) -> None:
    async with texting(database_url, redis_url, hotline(per_hour=1), 1) as line:
        await line.run(days=1)
        ((status, reason),) = await line.rows("select status, reason from enrollment")
        assert status == "paused"
        assert "its text has 2 segments, and account_per_hour never has room for more" in reason


async def test_a_limit_that_is_new_knows_the_segments_that_left(
    database_url: str, redis_url: str
) -> None:
    async with texting(database_url, redis_url, hotline(), 3) as line:
        await line.run(days=1)
        file = hotline(per_week=100)
        now = line.clock.now() - timedelta(hours=1)
        async with line.database.transaction() as tx:
            await recounting.recount(tx, file, LimitRules(file), now)
        assert ("account:mail-0:week", 6) in await line.rows(USED)
