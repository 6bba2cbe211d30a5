"""Reads an overview of the deployment from PostgreSQL, in one snapshot."""

from collections.abc import Sequence

from cadenza.accounts import Accounts
from cadenza.clock import Clock
from cadenza.fence import Fence
from cadenza.insight.overview import (
    AccountUse,
    BatchDepth,
    BatchState,
    ChannelDepth,
    EnrollmentDepth,
    PipelineOverview,
    Rollup,
    WaitingDepth,
)
from cadenza.model import Channel, EnrollmentStatus
from cadenza.pacing.account_day import account_day
from cadenza.storage import account_pauses, quotas
from cadenza.storage.database import Connection, Database

_LISTED, _MARKETING = "select count(*) from suppression", "starts_with(key, 'marketing:')"


class OverviewReader:
    """Reads overviews; what a sender account may send comes from the accounts file."""

    def __init__(self, database: Database, accounts: Accounts, clock: Clock, fence: Fence) -> None:
        self._database = database
        self._accounts = accounts
        self._clock = clock
        self._fence = fence

    async def read(self) -> PipelineOverview:
        """One consistent overview. Raises what the driver raises if the database cannot answer."""
        async with self._database.transaction() as tx:
            await tx.execute("set transaction isolation level repeatable read, read only")
            inbox_events, inbox_oldest_age_seconds = await self._inbox(tx)
            return PipelineOverview(
                rollups=await _rollups(tx),
                channels=await self._channels(tx),
                batches=await _batches(tx),
                enrollments=await _enrollments(tx),
                accounts=await self._account_use(tx),
                waiting=await _waiting(tx),
                inbox_events=inbox_events,
                inbox_oldest_age_seconds=inbox_oldest_age_seconds,
                notifications_waiting=await tx.fetchval(
                    "select count(*) from notification where sent_at is null and failure is null"
                ),
                open_tasks=await tx.fetchval("select count(*) from task where state = 'open'"),
                unknown_touches=await tx.fetchval(
                    "select count(*) from touch where status = 'unknown' and reconciled_by is null"
                ),
                shards_leased=await tx.fetchval(
                    "select count(*) from shard_lease where lease_until > clock_timestamp()"
                ),
                suppressions=await tx.fetchval(f"{_LISTED} where not {_MARKETING}"),
                marketing_suppressions=await tx.fetchval(f"{_LISTED} where {_MARKETING}"),
                schedule_offset_seconds=self._clock.offset().total_seconds(),
                fence_closed=await self._fence.closed(tx) is not None,
            )

    async def _channels(self, tx: Connection) -> Sequence[ChannelDepth]:
        rows = await tx.fetch(
            """select channel, count(*) as planned, count(*) filter (where due_at <= $1) as due,
                coalesce(extract(epoch from $1 - min(due_at) filter (where due_at <= $1)), 0)
                    as oldest_due_age_seconds
            from due group by channel""",
            self._clock.now(),
        )
        return [
            ChannelDepth(
                channel=Channel(row["channel"]),
                planned=row["planned"],
                due=row["due"],
                oldest_due_age_seconds=float(row["oldest_due_age_seconds"]),
            )
            for row in rows
        ]

    async def _inbox(self, tx: Connection) -> tuple[int, float]:
        row = await tx.fetchrow(
            """select count(*) as events,
                greatest(0, coalesce(extract(epoch from $1 - min(recorded_at)), 0)) as age
            from inbox join event on event.id = inbox.event_id""",
            self._clock.now(),
        )
        return (row["events"], float(row["age"])) if row else (0, 0.0)

    async def _account_use(self, tx: Connection) -> Sequence[AccountUse]:
        now = self._clock.now()
        days = {a.id: account_day(self._accounts, a, now) for a in self._accounts.accounts}
        used = await quotas.used(tx, [place for place, _ in days.values()])
        resting = await account_pauses.resting(tx)
        return [
            AccountUse(
                account_id=account.id,
                channel=account.channel,
                used_today=used.get(days[account.id][0], 0),
                cap_per_day=days[account.id][1],
                rests=account.id in resting,
            )
            for account in self._accounts.accounts
        ]


async def _waiting(tx: Connection) -> Sequence[WaitingDepth]:
    rows = await tx.fetch(
        """select channel, reason, count(*) as touches from due
        where reason is not null group by channel, reason"""
    )
    return [WaitingDepth(**row) for row in rows]


async def _rollups(tx: Connection) -> Sequence[Rollup]:
    rows = await tx.fetch(
        """select cadence, step, channel, metric, sum(value)::bigint as value
        from rollup group by cadence, step, channel, metric"""
    )
    return [Rollup(**row) for row in rows]


async def _batches(tx: Connection) -> Sequence[BatchDepth]:
    rows = await tx.fetch(
        "select state, count(*) as batches, sum(size)::bigint as touches from batch group by state"
    )
    return [
        BatchDepth(state=BatchState(row["state"]), batches=row["batches"], touches=row["touches"])
        for row in rows
    ]


async def _enrollments(tx: Connection) -> Sequence[EnrollmentDepth]:
    rows = await tx.fetch(
        """select cadence.name, status, count(*) as enrollments
        from enrollment join cadence on cadence.id = enrollment.cadence_id
        where status <> 'finished' group by cadence.name, status"""
    )
    return [
        EnrollmentDepth(
            cadence=row["name"],
            status=EnrollmentStatus(row["status"]),
            enrollments=row["enrollments"],
        )
        for row in rows
    ]
