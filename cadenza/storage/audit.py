"""What the audit reads: touches with all that they are judged by, in pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import Channel, EnrollmentId, ProspectId, TouchId, VersionId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A touch of the ledger, and the facts beside it.

    began_at: None for an unknown one of which it is not known.
    time_zone, country, phone: the prospect's; region, possible_zones: what
    its fields say of where it lives. ended_at: when its enrollment had
    finished or was paused: for good, or by hand until later. suppressed_at:
    when its recipient first was, in a way that forbids what is of its class.
    party: to whom it went, if not to the prospect. segments: of a text.
    """

    touch_id: TouchId
    enrollment_id: EnrollmentId
    prospect_id: ProspectId
    version_id: VersionId
    step: str
    channel: Channel
    recipient: str
    company: str | None
    account: str
    planned_at: datetime
    due_at: datetime
    window_end: datetime | None
    began_at: datetime | None
    time_zone: str
    country: str | None
    region: str | None
    phone: str | None
    possible_zones: str | None
    ended_at: datetime | None
    suppressed_at: datetime | None
    party: str | None = None
    segments: int = 1


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
        f"""select t.id as touch_id, t.enrollment_id, t.prospect_id, t.version_id, t.step,
            t.channel, t.recipient, t.party, t.segments, p.company, t.account, t.planned_at,
            t.due_at, t.window_end, t.began_at, p.time_zone,
            p.country, p.phone, p.fields->>'region' as region,
            p.fields->>'possible_time_zones' as possible_zones,
            coalesce(case when e.status <> 'active' and t.began_at > e.changed_at
                    then e.changed_at end,
                (select max(h.recorded_now) from course_log h
                where h.enrollment_id = e.id and h.kind in ('paused', 'stopped', 'finished')
                    and h.recorded_now < t.began_at
                    and not exists (select from course_log l
                        where l.enrollment_id = e.id and l.number > h.number
                            and l.kind in ('resumed', 'elapsed', 'reopened')
                            and l.recorded_now <= t.began_at))) as ended_at,
            (select min(s.created_at)
            -- The keys that `suppressing.recipient_keys` gives.
            from unnest(case when t.party is null and t.channel <> 'webhook'
                    then array['prospect:' || p.key] else array[]::text[] end
                || case t.channel
                    when 'email' then array['email:' || t.recipient,
                                            'domain:' || split_part(t.recipient, '@', 2)]
                    when 'sms' then array['phone:' || t.recipient]
                    when 'social' then array['social:' || t.recipient]
                    else array[]::text[] end) as k (key)
            join suppression s on s.key = any(array[k.key,
                case when not v.service then 'marketing:' || k.key end])) as suppressed_at
        from touch t join enrollment e on e.id = t.enrollment_id
        join prospect p on p.id = t.prospect_id
        join cadence_version v on v.id = t.version_id
        where t.id > $3 and {_IN_PERIOD} order by t.id limit $4""",
        begin,
        end,
        after,
        most,
    )
    return [Judged(**{**row, "channel": Channel(row["channel"])}) for row in rows]


async def caps(db: Connection) -> Mapping[tuple[str, datetime], int]:
    """(key, beginning) of every counter that is still known → the cap that was in force."""
    rows = await db.fetch("select key, window_start, cap from quota_use")
    return {(row["key"], row["window_start"]): row["cap"] for row in rows}


async def repeated(
    db: Connection, *, begin: datetime | None, end: datetime | None
) -> Sequence[tuple[TouchId, TouchId]]:
    """Pairs of touches that said the same step to one recipient out of two enrollments at a time.

    A step that is visited again, or a cadence begun anew after its end, is no repetition;
    nor is what another party, or another system, is told about several prospects.
    """
    rows = await db.fetch(
        f"""with touches as (
            select t.id, t.enrollment_id, e.started_at, t.cadence_id, t.channel, t.recipient,
                t.step, t.visit, e.subject,
                case when e.status = 'finished' then e.changed_at else 'infinity' end as ended_at
            from touch t join enrollment e on e.id = t.enrollment_id
            where t.status in ('sent', 'unknown') and t.party is null
                and t.channel <> 'webhook' and {_IN_PERIOD}),
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
