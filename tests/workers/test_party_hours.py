"""A text to somebody else than the prospect goes at hours that are decent where that number is."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest

from cadenza.accounts import Accounts
from cadenza.fence import Fence
from cadenza.insight.explaining import explain_enrollment
from cadenza.model import Channel, EnrollmentId
from console.auditing import audit
from tests.support.pipeline import Pipeline, World, accounts, pipeline, scripted_sender

MIAMI = ZoneInfo("America/New_York")
SOURCES: Mapping[str, str] = {
    "ask.yaml": """
cadence: ask
title: A text to the vendor
objective: goal
window: {days: mon-fri, hours: "09:00-17:00"}
from: {sms: outreach}
exit: {replied: stop}
steps:
  - step: ask
    sms: ask
    to: vendor
    day: 1
  - step: done
    end: no_response
""",
    "templates/ask.liquid": "Hello {{ party.name }}, is it done?\n",
}


def hotline() -> Accounts:
    document = accounts().model_dump(by_alias=True)
    document["accounts"][0] |= {"channel": "sms", "address": "+12025550141"}
    return Accounts.model_validate(document)


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Pipeline]:
    class Texts(scripted_sender(World())):  # type: ignore[misc]
        channel: ClassVar[Channel] = Channel.SMS

    types = {(Channel.SMS, "scripted"): Texts}
    async with pipeline(
        database_url, redis_url, file=hotline(), sources=SOURCES, sender_types=types
    ) as made:
        yield made


async def enroll(line: Pipeline, phone: str) -> None:
    """A prospect in Paris, at eleven o'clock there, whose vendor has this number."""
    parties = {"vendor": {"name": "Hub", "phone": phone}}
    await line.enroll(subject={"id": "C-1", "parties": parties})


async def test_nobody_in_florida_is_woken_for_somebody_in_paris(line: Pipeline) -> None:
    await enroll(line, "+13055551234")
    await line.run(days=4)
    (began_at,) = [at for (at,) in await line.rows("select began_at from touch")]
    assert 9 <= began_at.astimezone(MIAMI).hour < 17
    report = await audit(line.database, line.catalog, line.accounts)
    assert not any(report.as_json().values())


async def test_the_audit_finds_a_text_to_a_party_at_night(line: Pipeline) -> None:
    await enroll(line, "+13055551234")
    await line.run(days=4)
    night = datetime(2026, 3, 4, 4, tzinfo=UTC)  # 23:00 in Florida
    await line.execute("update touch set began_at = $1", night)
    report = await audit(line.database, line.catalog, line.accounts)
    assert report.as_json()["outside_window"] == 1


async def test_explain_says_that_it_is_night_there(line: Pipeline) -> None:
    await enroll(line, "+13055551234")
    fence = Fence("test", line.clock)
    async with line.database.snapshot() as db:
        told = await explain_enrollment(
            db, line.ground, fence, EnrollmentId(1), now=line.clock.now() - timedelta(hours=2)
        )
    assert "America/New_York" in {g.name: g.says for g in told.waits_for[0].gates}["window"]


async def test_a_number_where_the_prospect_lives_changes_nothing(line: Pipeline) -> None:
    await enroll(line, "+33612345678")
    due = await line.value("select due_at from due")
    await line.run(days=4)
    assert await line.value("select due_at from touch") == due
    assert await line.value("select count(*) from rollup where metric like 'deferred:%'") == 0
