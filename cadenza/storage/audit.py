"""What the audit reads: touches with all that they are judged by, in pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cadenza.model import Channel, TouchId, VersionId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A touch of the ledger, and the facts beside it.

    began_at: None for an unknown one of which it is not known.
    time_zone: the prospect's. ended_at: when its enrollment finished or
    was paused, if it did. suppressed_at: when its recipient first was.
    """

    touch_id: TouchId
    version_id: VersionId
    channel: Channel
    account: str
    planned_at: datetime
    due_at: datetime
    window_end: datetime | None
    began_at: datetime | None
    time_zone: str
    ended_at: datetime | None
    suppressed_at: datetime | None


async def page(
    db: Connection,
    *,
    after: int,
    begin: datetime | None,
    end: datetime | None,
    most: int,
) -> Sequence[Judged]:
    """The next touches that began, or may have, in a period; in order of their numbers."""
    rows = await db.fetch(
        f"""select t.id as touch_id, t.version_id, t.channel, t.account, t.planned_at, t.due_at,
            t.window_end, t.began_at, p.time_zone,
            case when e.status <> 'active' then e.changed_at end as ended_at,
            (select min(s.created_at) from suppression s where s.key = any(
                array['prospect:' || p.key] || case t.channel
                    when 'email' then array['email:' || t.recipient,
                                            'domain:' || split_part(t.recipient, '@', 2)]
                    when 'sms' then array['phone:' || t.recipient]
                    else array['social:' || t.recipient] end)) as suppressed_at
        from touch t join enrollment e on e.id = t.enrollment_id
        join prospect p on p.id = t.prospect_id
        where t.id > $3 and {_IN_PERIOD} order by t.id limit $4""",
        begin,
        end,
        after,
        most,
    )
    return [Judged(**{**row, "channel": Channel(row["channel"])}) for row in rows]


async def caps(
    db: Connection, first: date | None, last: date | None
) -> Mapping[tuple[str, date], int]:
    """(account, day) → the cap that was in force."""
    rows = await db.fetch(
        """select account, day, cap from account_day
        where ($1::date is null or day >= $1) and ($2::date is null or day <= $2)""",
        first,
        last,
    )
    return {(row["account"], row["day"]): row["cap"] for row in rows}


async def repeated(
    db: Connection, *, begin: datetime | None, end: datetime | None
) -> Sequence[tuple[TouchId, TouchId]]:
    """Pairs of touches that said the same step to one recipient out of two enrollments at a time.

    A step that is visited again, or a cadence begun anew after its end, is no repetition.
    """
    rows = await db.fetch(
        f"""with touches as (
            select t.id, t.enrollment_id, e.started_at, t.cadence_id, t.channel, t.recipient,
                t.step, t.visit, e.subject,
                case when e.status = 'finished' then e.changed_at else 'infinity' end as ended_at
            from touch t join enrollment e on e.id = t.enrollment_id
            where t.status in ('sent', 'unknown') and {_IN_PERIOD}),
        pairs as (
            select id, started_at, enrollment_id, lag(id) over same as before_id,
                lag(enrollment_id) over same as before_enrollment_id,
                lag(started_at) over same as before_started_at,
                lag(ended_at) over same as before_ended_at, ended_at
            from touches
            window same as (partition by cadence_id, channel, recipient, step, visit, subject
                            order by id))
        select before_id, id from pairs
        where enrollment_id <> before_enrollment_id
            and started_at < before_ended_at and before_started_at < ended_at
        order by id""",
        begin,
        end,
    )
    return [(row["before_id"], row["id"]) for row in rows]


_IN_PERIOD = """(t.began_at is not null or t.status = 'unknown')
    and ($1::timestamptz is null or coalesce(t.began_at, t.due_at) >= $1)
    and ($2::timestamptz is null or coalesce(t.began_at, t.due_at) < $2)"""
