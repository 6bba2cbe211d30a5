"""What is planned: the narrow queue of touches, tasks and timers that wait for their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cadenza.model import SENDING_CHANNELS, BatchId, Channel, EnrollmentId, Planned, TouchId
from cadenza.storage.database import Connection, Row

_FEW = 4  # up to a quarter of a batch


@dataclass(frozen=True, kw_only=True)
class DueTouch:
    """One planned row: what, for whom, when. `planned_at` is when it was first to go.

    reason: what made it later than it was to go, or than its cadence wanted
    it. is_first: nothing was sent in its enrollment yet. draws: keys of the
    caps under which it counts beside those of its account.
    """

    touch_id: TouchId
    enrollment_id: EnrollmentId
    step: str
    visit: int
    channel: Channel
    shard: int
    account: str | None
    due_at: datetime
    planned_at: datetime
    window_end: datetime | None
    attempts: int
    reason: str | None
    is_first: bool = False
    draws: Sequence[str] | None = None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "DueTouch":
        """Read a row out of `batch.touches`."""
        end = row["window_end"]
        return cls(
            touch_id=row["touch_id"],
            enrollment_id=row["enrollment_id"],
            step=row["step"],
            visit=row["visit"],
            channel=Channel(row["channel"]),
            shard=row["shard"],
            account=row["account"],
            due_at=datetime.fromisoformat(row["due_at"]),
            planned_at=datetime.fromisoformat(row["planned_at"]),
            window_end=datetime.fromisoformat(end) if end else None,
            attempts=row["attempts"],
            reason=row["reason"],
            is_first=row["is_first"],
            draws=row["draws"],
        )

    @classmethod
    def from_row(cls, row: Row) -> "DueTouch":
        """Read a row of `due`."""
        return cls(**{**row, "channel": Channel(row["channel"])})


@dataclass(frozen=True, kw_only=True)
class NewPlan:
    """A decision of the planner, ready to be stored. reason, is_first, draws: as in `DueTouch`."""

    enrollment_id: EnrollmentId
    shard: int
    account: str | None
    planned: Planned
    reason: str | None = None
    is_first: bool = False
    draws: Sequence[str] = ()


async def plan(tx: Connection, plans: Sequence[NewPlan]) -> None:
    """Store new plans; each gets a new touch number."""
    if not plans:
        return
    await tx.execute(
        """insert into due (enrollment_id, step, visit, channel, shard, account,
                            due_at, planned_at, window_end, reason, is_first, draws)
        select e, s, v, c, sh, a, d, d, w, r, f, string_to_array(k, ',')
        from unnest($1::bigint[], $2::text[], $3::int[], $4::text[], $5::smallint[], $6::text[],
                    $7::timestamptz[], $8::timestamptz[], $9::text[], $10::boolean[],
                    $11::text[]) as t (e, s, v, c, sh, a, d, w, r, f, k)""",
        [p.enrollment_id for p in plans],
        [p.planned.step for p in plans],
        [p.planned.visit for p in plans],
        [p.planned.channel for p in plans],
        [p.shard for p in plans],
        [p.account for p in plans],
        [p.planned.due_at for p in plans],
        [p.planned.window_end for p in plans],
        [p.reason for p in plans],
        [p.is_first for p in plans],
        [",".join(p.draws) or None for p in plans],
    )


async def put_back(tx: Connection, touches: Sequence[DueTouch]) -> None:
    """Put touches off: same number, new time, with a reason.

    A touch whose enrollment has ended, paused or moved on meanwhile is
    not wanted any more and is dropped; the timer of a pause is kept.
    """
    if not touches:
        return
    await tx.execute(
        """insert into due (touch_id, enrollment_id, step, visit, channel, shard, account,
                            due_at, planned_at, window_end, attempts, reason, is_first, draws)
        select t.touch_id, t.enrollment_id, t.step, t.visit, t.channel, t.shard, t.account,
            t.due_at, t.planned_at, t.window_end, t.attempts, t.reason, t.is_first,
            string_to_array(t.draws, ',')
        from unnest($1::bigint[], $2::bigint[], $3::text[], $4::int[], $5::text[],
            $6::smallint[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[],
            $11::smallint[], $12::text[], $13::boolean[], $14::text[])
            as t (touch_id, enrollment_id, step, visit, channel, shard, account, due_at,
                  planned_at, window_end, attempts, reason, is_first, draws)
        join enrollment e on e.id = t.enrollment_id
            and t.step || ':' || t.visit = any (e.standing)
            and (e.status = 'active'
                or (e.status = 'paused' and t.channel = 'timer' and e.course ? 'paused_until'))
        order by e.id for share of e
        on conflict (enrollment_id, step, visit) do nothing""",
        [t.touch_id for t in touches],
        [t.enrollment_id for t in touches],
        [t.step for t in touches],
        [t.visit for t in touches],
        [t.channel for t in touches],
        [t.shard for t in touches],
        [t.account for t in touches],
        [t.due_at for t in touches],
        [t.planned_at for t in touches],
        [t.window_end for t in touches],
        [t.attempts for t in touches],
        [t.reason for t in touches],
        [t.is_first for t in touches],
        [",".join(t.draws or ()) or None for t in touches],
    )


async def waiting(
    db: Connection, reasons: Sequence[str], after: datetime, *, each: int, most: int
) -> Sequence[DueTouch]:
    """Touches that one of these made later, to after `after`: the oldest of each account."""
    rows = await db.fetch(
        """select * from due where touch_id in (
            select touch_id from (
                select touch_id, row_number() over (partition by account order by touch_id) as nth
                from due where reason = any($1::text[]) and account is not null and due_at > $2
            ) as numbered where nth <= $3)
        order by touch_id limit $4""",
        reasons,
        after,
        each,
        most,
    )
    return [DueTouch.from_row(row) for row in rows]


async def held(db: Connection, account: str, reason: str, *, most: int) -> Sequence[DueTouch]:
    """Touches of one account that `reason` made later, the oldest first."""
    rows = await db.fetch(
        """select * from due where account = $1 and reason = $2 order by touch_id limit $3""",
        account,
        reason,
        most,
    )
    return [DueTouch.from_row(row) for row in rows]


async def move(tx: Connection, touches: Sequence[tuple[datetime, DueTouch]]) -> int:
    """Give touches other times; (time that it had, touch). Returns how many were still there."""
    tag = await tx.execute(
        """update due set due_at = t.at, planned_at = t.at, window_end = t.ends, reason = t.why
        from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[],
            $5::text[]) as t (id, was, at, ends, why)
        where touch_id = t.id and due_at = t.was""",
        [touch.touch_id for _, touch in touches],
        [was for was, _ in touches],
        [touch.due_at for _, touch in touches],
        [touch.window_end for _, touch in touches],
        [touch.reason for _, touch in touches],
    )
    return int(tag.rpartition(" ")[2])


async def forget(tx: Connection, positions: Sequence[tuple[EnrollmentId, str]]) -> None:
    """Remove what is planned for these positions (what is in a batch stays there).

    positions: enrollments with the names of their positions, `intro:1`.
    """
    if not positions:
        return
    parts = [name.rpartition(":") for _, name in positions]
    await tx.execute(
        """delete from due using unnest($1::bigint[], $2::text[], $3::int[]) as t (e, s, v)
        where enrollment_id = t.e and step = t.s and visit = t.v""",
        [enrollment_id for enrollment_id, _ in positions],
        [step for step, _, _ in parts],
        [int(visit) for _, _, visit in parts],
    )


async def stage(
    tx: Connection,
    *,
    scheduler: str,
    shards: Sequence[int],
    now: datetime,
    until: datetime,
    size: int,
    most: int,
) -> Sequence[tuple[BatchId, bool]]:
    """Move touches that are due before `until` into batches of up to `size`.

    What is due by `now` is cut by channel and released at once; what is
    due later is cut by ten seconds and channel, and released as they end: a
    minute would bring six turns of a number together that sends one text
    each ten seconds, and put touches of a full hour into the next. A
    few touches make one batch whatever their channels: a batch has its
    price, and channels are kept apart only so that a slow one does not
    hold up many of another. Returns (batch, is released) for each. A touch
    is moved once, whoever stages it: DELETE decides.
    """
    rows = await tx.fetch(
        """with taken as (
            delete from due where touch_id in (
                select touch_id from due
                where due_at <= $4 and shard = any($2::smallint[]) and channel = any($7::text[])
                order by due_at limit $6 for update skip locked)
            returning *),
        cut as (
            select *, case when due_at <= $3 then $3 else date_bin('10 seconds',
                due_at + interval '9.999999 seconds', 'epoch'::timestamptz) end as moment,
                case when (select count(*) from taken) > $8 then channel else '' end as lane
            from taken),
        counted as (
            select *, row_number() over (partition by lane, moment order by due_at, touch_id) - 1
                as nth
            from cut)
        insert into batch (channel, state, release_at, hinted_at, scheduler, size, touches)
        select case when count(distinct channel) = 1 then min(channel) else 'mixed' end,
            case when moment <= $3 then 'released' else 'staged' end, moment,
            case when moment <= $3 then clock_timestamp() end, $1, count(*),
            jsonb_agg(to_jsonb(counted) order by due_at, touch_id)
        from counted group by lane, moment, nth / $5
        returning id, state = 'released' as is_released""",
        scheduler,
        shards,
        now,
        until,
        size,
        most,
        list(SENDING_CHANNELS),
        size // _FEW,
    )
    return [(row["id"], row["is_released"]) for row in rows]


async def take_turns(
    tx: Connection, *, shards: Sequence[int], now: datetime, most: int
) -> Sequence[DueTouch]:
    """Remove and return tasks and timers whose time has come, in order of their times.

    Their enrollments are locked: the caller advances them in the same
    transaction. One that is being changed at this moment is left for the
    next time, because whoever changes it may want its row here.
    """
    rows = await tx.fetch(
        """with ready as (
            select touch_id, enrollment_id from due
            where due_at <= $2 and shard = any($1::smallint[]) and channel in ('task', 'timer')
            order by due_at limit $3),
        held as materialized (
            select e.id from enrollment e where e.id in (select enrollment_id from ready)
            order by e.id for no key update skip locked)
        delete from due where touch_id in (
            select touch_id from ready join held on held.id = ready.enrollment_id)
        returning *""",
        shards,
        now,
        most,
    )
    return sorted((DueTouch.from_row(row) for row in rows), key=lambda turn: turn.due_at)


async def next_moment(
    db: Connection, shards: Sequence[int], now: datetime, ahead: timedelta
) -> datetime:
    """When these shards have something to stage, release or advance; at most an hour from `now`.

    ahead: how long before it is due a touch is staged. Never too late, but
    by what was planned behind a timer: who waits for long looks again.
    """
    moment: datetime = await db.fetchval(
        """select least($2::timestamptz + interval '1 hour',
            (select case when channel = any($4::text[]) then due_at - $3::interval else due_at end
                from due where shard = any($1::smallint[]) order by due_at limit 1),
            (select $2 where exists (select 1 from due where shard = any($1::smallint[])
                and channel = any($4::text[]) and due_at <= $2 + $3)),
            (select min(release_at) from batch where state = 'staged'))""",
        shards,
        now,
        ahead,
        list(SENDING_CHANNELS),
    )
    return moment
