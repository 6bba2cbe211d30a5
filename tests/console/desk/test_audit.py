"""What the audit judges, by what, and how it tells; `test_audit_planted` breaks every rule."""

import json
from datetime import date, timedelta

import pytest

from cadenza.catalog import Catalog
from cadenza.course.course import Happening
from cadenza.model import Occurrence
from console.auditing import RULES, AuditReport, audit
from tests.console.desk.desk import Desk


async def judged(desk: Desk, first: date | None = None, last: date | None = None) -> AuditReport:
    line = desk.line
    return await audit(line.database, Catalog(), line.accounts, first_day=first, last_day=last)


def found(report: AuditReport) -> dict[str, int]:
    return {rule: count for rule, count in report.as_json().items() if count}


@pytest.fixture
async def sent(desk: Desk) -> Desk:
    """A deployment whose touches all left as they should."""
    await desk.line.enroll(8)
    await desk.line.run(days=1)
    return desk


async def test_a_month_by_the_rules_breaks_none(desk: Desk) -> None:
    await desk.line.enroll(6)
    await desk.line.run(days=3)
    await desk.ok("stop", "p1@example.com", "--yes")
    await desk.ok("do-not-contact", "add", "p2@example.com")
    await desk.line.run(days=27)
    report = await judged(desk)
    assert (report.touches, report.violations, report.unclear) == (10, 0, 0)
    assert set(report.as_json()) == set(RULES)
    told = await desk.ok("audit")
    assert "10 touches judged" in told
    assert "No rule was broken" in told


async def test_a_touch_whose_prospect_moved_is_not_judged_by_the_new_zone(sent: Desk) -> None:
    await sent.line.execute("update prospect set time_zone = 'Asia/Tokyo' where key like '%p1@%'")
    report = await judged(sent)
    assert (found(report), report.unclear) == ({}, 1)


async def test_touches_over_a_daily_cap_are_found(sent: Desk) -> None:
    await sent.line.execute("update quota_use set cap = used - 1 where key = 'account:mail-0:day'")
    assert found(await judged(sent)) == {"over_cap": 1}
    # Also if nobody had counted them: by the cap of the accounts file.
    await sent.line.execute("delete from quota_use")
    assert found(await judged(sent)) == {}
    await plant_touches(sent, count=60)
    report = await judged(sent)
    used = await sent.line.value("select count(*) from touch where account = 'mail-0'")
    assert report.counts["over_cap"] == used - 50
    assert report.examples["over_cap"][0]["cap"] == 50


async def plant_touches(desk: Desk, count: int) -> None:
    """As many more visits of one touch of `mail-0`, sent at the same moment."""
    await desk.line.execute(
        """insert into touch (id, enrollment_id, prospect_id, cadence_id, version_id, step, visit,
            channel, account, recipient, status, planned_at, due_at, window_end, began_at,
            recorded_at)
        select 1000 + n, enrollment_id, prospect_id, cadence_id, version_id, step, 1 + n, channel,
            'mail-0', recipient, status, planned_at, due_at, window_end, began_at, recorded_at
        from touch, generate_series(1, $1) as n where id = 1""",
        count,
    )


async def test_failed_and_unknown_touches_count_to_the_cap_once_they_began(sent: Desk) -> None:
    await sent.line.execute("update touch set status = 'unknown', began_at = null where id = 1")
    await sent.line.execute("update touch set status = 'failed' where id = 2")
    await sent.line.execute("update touch set status = 'failed', began_at = null where id = 3")
    await sent.line.execute("update quota_use set cap = used - 2")
    planted = await sent.line.rows("select account, count(*) from touch group by 1")
    report = await judged(sent)
    accounts = dict(planted)
    third = await sent.line.value("select account from touch where id = 3")
    expected = sum(2 - (account == third) for account in accounts)
    assert found(report) == {"over_cap": expected}


async def test_what_is_heard_after_the_end_does_not_hide_a_touch_after_it(sent: Desk) -> None:
    """The planted touch reports itself as sent, which is written into the ended enrollment."""
    await sent.ok("stop", "p1@example.com", "--yes")
    ended = await sent.line.value("select changed_at from enrollment where status = 'finished'")
    number = await sent.line.value("select id from enrollment where status = 'finished'")
    sent.line.clock.advance(timedelta(minutes=5))
    heard = Occurrence(kind="sent", at=sent.line.clock.now(), step="first-call")
    async with sent.line.database.transaction() as tx:
        await sent.line.course.apply(tx, [Happening(enrollment_id=number, occurrence=heard)])
    assert ended == await sent.line.value(
        "select changed_at from enrollment where status = 'finished'"
    )


async def test_a_cadence_begun_anew_after_its_end_is_no_repetition(desk: Desk) -> None:
    await desk.line.enroll(1)
    await desk.line.run(days=1)
    await desk.ok("stop", "p1@example.com", "--yes")
    await desk.line.enroll(1, key="anew")
    await desk.line.run(days=1)
    report = await judged(desk)
    assert (report.touches, found(report)) == (2, {})


async def test_a_period_is_judged_by_days_of_the_organisation(sent: Desk) -> None:
    monday = date(2026, 3, 2)
    assert (await judged(sent, monday, monday)).touches == 8
    assert (await judged(sent, monday + timedelta(days=1))).touches == 0
    assert (await judged(sent, None, monday - timedelta(days=1))).touches == 0


async def test_the_command_tells_what_it_found_with_status_1(sent: Desk) -> None:
    await plant_touches(sent, count=30)
    await sent.line.execute("update touch set due_at = began_at + interval '1 hour'")
    result = await sent.cadenza("audit", "--from", "2026-03-02", "--to", "2026-03-02", "--json")
    assert result.exit_code == 1
    told = await sent.cadenza("audit")
    assert told.exit_code == 1
    assert "early:" in told.stdout
    document = json.loads(result.stdout)
    assert document["violations"]["early"] == document["touches"] == 38
    assert len(document["examples"]["early"]) == 20
    assert (
        await sent.cadenza("audit", "--from", "2026-03-02", "--to", "2026-03-01")
    ).exit_code == 2
    assert (await sent.cadenza("audit", "--from", "yesterday")).exit_code == 2
