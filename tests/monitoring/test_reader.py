"""The overview, read from a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from cadenza.accounts import Accounts, Limits, Organisation, Owner, SenderAccount
from cadenza.clock import Clock
from cadenza.fence import Fence
from cadenza.insight.overview import (
    AccountUse,
    BatchDepth,
    BatchState,
    EnrollmentDepth,
    Rollup,
    WaitingDepth,
)
from cadenza.model import Channel, EnrollmentStatus
from cadenza.storage import rollups
from cadenza.storage.database import Connection, Database
from cadenza.storage.overview import OverviewReader
from cadenza.storage.rollups import Tally
from tests.support.rows import enrollments, plan

NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


class StoppedClock(Clock):
    """Always NOW, an hour ahead of wall time."""

    def now(self) -> datetime:
        return NOW

    def offset(self) -> timedelta:
        return timedelta(hours=1)

    async def sleep_until(self, moment: datetime, *, at_most_seconds: float) -> None:
        raise NotImplementedError


ACCOUNTS = Accounts(
    organisation=Organisation(name="Acme", postal_address="1 Road", time_zone="Europe/Paris"),
    owners=[Owner(id="ann", name="Ann", email="ann@acme.example")],
    accounts=[
        SenderAccount(
            id=name,
            channel=Channel.EMAIL,
            provider="smtp",
            address=f"{name}@acme.example",
            limits=Limits(per_day=40),
        )
        for name in ("ann", "bob")
    ],
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as database:
        yield database


@pytest.fixture
async def tx(database: Database) -> AsyncIterator[Connection]:
    async with database.connection() as connection:
        yield connection


@pytest.fixture
def reader(database: Database) -> OverviewReader:
    return OverviewReader(database, ACCOUNTS, StoppedClock(), Fence("", StoppedClock()))


async def _enroll(tx: Connection, key: str, status: str) -> int:
    """An enrollment of a prospect `key` in the cadence `intro`."""
    enrollment: int = await tx.fetchval(
        """with c as (
            insert into cadence (name) values ('intro')
            on conflict (name) do update set name = excluded.name returning id),
        v as (
            insert into cadence_version (cadence_id, version, digest, sources, applied_at)
            select id, (select count(*) + 1 from cadence_version), '', '{}', $3 from c
            returning id, cadence_id),
        p as (
            insert into prospect (key, owner_id, shard, time_zone, fields, created_at)
            values ($1, 'ann', 0, 'UTC', '{}', $3) returning id)
        insert into enrollment (prospect_id, cadence_id, version_id, shard, status, outcome, step,
                                visit, course, started_at, changed_at)
        select p.id, v.cadence_id, v.id, 0, $2, case when $2 = 'finished' then 'won' end, 'hello',
            1, '{}', $3, $3
        from p, v returning id""",
        key,
        status,
        NOW,
    )
    return enrollment


async def test_a_new_deployment_is_empty(reader: OverviewReader) -> None:
    seen = await reader.read()
    assert (seen.rollups, seen.channels, seen.batches, seen.enrollments) == ([], [], [], [])
    assert (seen.inbox_events, seen.inbox_oldest_age_seconds) == (0, 0)
    assert (seen.open_tasks, seen.unknown_touches, seen.suppressions) == (0, 0, 0)
    assert (seen.notifications_waiting, seen.shards_leased) == (0, 0)


async def test_rollups_of_all_slots_are_one_counter(reader: OverviewReader, tx: Connection) -> None:
    await rollups.add(tx, Tally({("intro", "hello", "email", "sent"): 3}))
    await tx.execute("insert into rollup select cadence, step, channel, metric, 99, 4 from rollup")
    assert (await reader.read()).rollups == [
        Rollup(cadence="intro", step="hello", channel="email", metric="sent", value=7)
    ]


async def test_due_touches_and_their_lag_are_told_by_channel(
    reader: OverviewReader, tx: Connection
) -> None:
    for number, (channel, due_in_seconds) in enumerate(
        [("email", -90), ("email", 0), ("email", 60), ("sms", 5)]
    ):
        await tx.execute(
            """insert into due (enrollment_id, step, visit, channel, shard, due_at, planned_at)
            values ($1, 'hello', 1, $2, 0, $3, $3)""",
            await _enroll(tx, f"id:{number}", "active"),
            channel,
            NOW + timedelta(seconds=due_in_seconds),
        )
    seen = {depth.channel: depth for depth in (await reader.read()).channels}
    assert (seen[Channel.EMAIL].planned, seen[Channel.EMAIL].due) == (3, 2)
    assert seen[Channel.EMAIL].oldest_due_age_seconds == 90
    assert (seen[Channel.SMS].planned, seen[Channel.SMS].due) == (1, 0)
    assert seen[Channel.SMS].oldest_due_age_seconds == 0


async def test_batches_are_counted_with_their_touches(
    reader: OverviewReader, tx: Connection
) -> None:
    for size in (200, 30):
        await tx.execute(
            """insert into batch (channel, state, release_at, scheduler, size, touches)
            values ('email', 'released', $1, 's', $2, '[]')""",
            NOW,
            size,
        )
    assert (await reader.read()).batches == [
        BatchDepth(state=BatchState.RELEASED, batches=2, touches=230)
    ]


async def test_finished_enrollments_are_not_under_way(
    reader: OverviewReader, tx: Connection
) -> None:
    for number, status in enumerate(["active", "active", "paused", "finished"]):
        await _enroll(tx, f"id:{number}", status)
    seen = (await reader.read()).enrollments
    assert sorted(seen, key=lambda depth: depth.status) == [
        EnrollmentDepth(cadence="intro", status=EnrollmentStatus.ACTIVE, enrollments=2),
        EnrollmentDepth(cadence="intro", status=EnrollmentStatus.PAUSED, enrollments=1),
    ]


async def test_the_oldest_event_in_the_inbox_gives_its_age(
    reader: OverviewReader, tx: Connection
) -> None:
    for name, age_seconds in (("a", 10), ("b", 45), ("applied", 500)):
        event = await tx.fetchval(
            """insert into event (source, external_id, type, occurred_at, recorded_at, about, data)
            values ('pixel', $1, 'opened', $2, $2, '[]', '{}') returning id""",
            name,
            NOW - timedelta(seconds=age_seconds),
        )
        if name != "applied":
            await tx.execute("insert into inbox (event_id, not_before) values ($1, $2)", event, NOW)
    seen = await reader.read()
    assert (seen.inbox_events, seen.inbox_oldest_age_seconds) == (2, 45)


async def test_accounts_show_the_day_of_the_organisation(
    reader: OverviewReader, tx: Connection
) -> None:
    in_paris_it_is_already = NOW.date() + timedelta(days=1)
    for day, used in ((NOW.date(), 40), (in_paris_it_is_already, 3)):
        await tx.execute(
            """insert into quota_use (key, window_start, used, cap) values
                ('account:ann:day', $1::timestamp at time zone 'Europe/Paris', $2, 40)""",
            datetime.combine(day, time()),
            used,
        )
    await tx.execute(
        """insert into account_pause (account, reason, source, paused_at)
        values ('bob', 'r', 'by_hand', $1)""",
        NOW,
    )
    assert (await reader.read()).accounts == [
        AccountUse(account_id="ann", channel=Channel.EMAIL, used_today=3, cap_per_day=40),
        AccountUse(
            account_id="bob", channel=Channel.EMAIL, used_today=0, cap_per_day=40, rests=True
        ),
    ]


async def test_what_waits_is_counted_by_the_rule_that_holds_it(
    reader: OverviewReader, tx: Connection
) -> None:
    await plan(tx, await enrollments(tx, 3))
    await tx.execute("update due set reason = 'account_per_day' where touch_id > 1")
    assert (await reader.read()).waiting == [
        WaitingDepth(channel="email", reason="account_per_day", touches=2)
    ]


async def test_reconciled_touches_are_unknown_no_more(
    reader: OverviewReader, tx: Connection
) -> None:
    for number, (status, reconciled_by) in enumerate(
        [("unknown", None), ("unknown", 7), ("sent", None)]
    ):
        await tx.execute(
            """insert into touch (id, enrollment_id, prospect_id, cadence_id, version_id, step,
                visit, channel, account, recipient, status, planned_at, due_at, recorded_at,
                reconciled_by)
            values ($1, $2, 1, 1, 1, 'hello', 1, 'email', 'ann', '', $3, $4, $4, $4, $5)""",
            number,
            await _enroll(tx, f"id:{number}", "active"),
            status,
            NOW,
            reconciled_by,
        )
    assert (await reader.read()).unknown_touches == 1


async def test_tasks_suppressions_notifications_and_leases_are_counted(
    reader: OverviewReader, tx: Connection
) -> None:
    enrollment = await _enroll(tx, "id:1", "active")
    for step, state in (("call", "open"), ("post", "done")):
        await tx.execute(
            """insert into task (enrollment_id, step, visit, kind, owner_id, title, script,
                checklist, dispositions, opened_at, due_at, state)
            values ($1, $2, 1, 'call', 'ann', '', '', '[]', '[]', $3, $3, $4)""",
            enrollment,
            step,
            NOW,
            state,
        )
    await tx.execute(
        "insert into suppression values ('email:a@b.example', 'bounced', 'smtp', $1)", NOW
    )
    for sent_at in (None, NOW):
        await tx.execute(
            """insert into notification
                (owner_id, enrollment_id, kind, created_at, not_before, sent_at)
            values ('ann', $1, 'replied', $2, $2, $3)""",
            enrollment,
            NOW,
            sent_at,
        )
    await tx.execute(
        """update shard_lease set scheduler = 's', lease_until = clock_timestamp()
            + case when shard < 10 then interval '1 minute' else interval '-1 minute' end
        where shard < 20"""
    )
    seen = await reader.read()
    assert (seen.open_tasks, seen.suppressions, seen.notifications_waiting) == (1, 1, 1)
    assert seen.shards_leased == 10


async def test_the_offset_of_a_time_lapse_is_told(reader: OverviewReader) -> None:
    assert (await reader.read()).schedule_offset_seconds == 3600


async def test_a_database_that_is_gone_raises(tmp_path: Path) -> None:
    async with Database(f"postgresql://cadenza@/cadenza?host={tmp_path}") as nowhere:
        gone = OverviewReader(nowhere, ACCOUNTS, StoppedClock(), Fence("", StoppedClock()))
        with pytest.raises(FileNotFoundError):
            await gone.read()
