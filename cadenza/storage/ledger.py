"""The ledger: every touch that left, may have left, or failed for good. Rows are only added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import Channel, EnrollmentId, ProspectId, TouchId, TouchStatus, VersionId
from cadenza.storage.database import Connection, Row
from cadenza.storage.due import DueTouch


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What became of one touch.

    recipient: where it went. party: to whom, if not to the prospect.
    provider_id: what events call it. segments: of a text; 1 for all else.
    """

    touch: DueTouch
    prospect_id: ProspectId
    cadence_id: int
    version_id: VersionId
    recipient: str
    status: TouchStatus
    code: str | None
    provider_id: str | None
    thread_id: str | None = None
    party: str | None = None
    began_at: datetime | None
    segments: int = 1


@dataclass(frozen=True, kw_only=True)
class TouchOf:
    """Where an event's touch belongs.

    party: whom it went to, if that was not the prospect. began_at: when it
    left; None if that is not known.
    """

    touch_id: TouchId
    enrollment_id: EnrollmentId
    step: str
    visit: int
    channel: Channel
    recipient: str
    status: TouchStatus
    party: str | None = None
    began_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that was sent: in which step, under which Message-ID, from which account."""

    step: str
    message_id: str
    account: str


async def record(tx: Connection, entries: Sequence[Entry], now: datetime) -> None:
    """Append entries."""
    if not entries:
        return
    await tx.execute(
        """insert into touch (id, enrollment_id, prospect_id, cadence_id, version_id, step, visit,
            channel, account, recipient, status, code, provider_id, planned_at, due_at, window_end,
            began_at, thread_id, party, segments, recorded_at)
        select *, $21::timestamptz from unnest($1::bigint[], $2::bigint[], $3::bigint[],
            $4::bigint[], $5::bigint[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[],
            $16::timestamptz[], $17::timestamptz[], $18::text[], $19::text[],
            $20::smallint[])""",
        [e.touch.touch_id for e in entries],
        [e.touch.enrollment_id for e in entries],
        [e.prospect_id for e in entries],
        [e.cadence_id for e in entries],
        [e.version_id for e in entries],
        [e.touch.step for e in entries],
        [e.touch.visit for e in entries],
        [e.touch.channel for e in entries],
        [e.touch.account for e in entries],
        [e.recipient for e in entries],
        [e.status for e in entries],
        [e.code for e in entries],
        [e.provider_id for e in entries],
        [e.touch.planned_at for e in entries],
        [e.touch.due_at for e in entries],
        [e.touch.window_end for e in entries],
        [e.began_at for e in entries],
        [e.thread_id for e in entries],
        [e.party for e in entries],
        [e.segments for e in entries],
        now,
    )


async def by_touch_ids(db: Connection, ids: Sequence[TouchId]) -> Mapping[TouchId, TouchOf]:
    """Where these touches belong; those not in the ledger (yet) are missing."""
    rows = await db.fetch(f"select {_TOUCH_OF} from touch t where id = any($1::bigint[])", ids)
    return {row["id"]: _touch_of(row) for row in rows}


async def in_flight(db: Connection, ids: Sequence[TouchId]) -> Mapping[TouchId, TouchOf]:
    """The same for touches in batches: they may have left, which is not known yet."""
    rows = await db.fetch(
        """select t.touch_id as id, t.enrollment_id, t.step, t.visit, t.channel,
            'unknown' as status, j.answer->>'party' as party, j.at as began_at,
            coalesce(j.answer->>'recipient',
            case t.channel when 'email' then p.email when 'sms' then p.phone
                when 'social' then p.profile end) as recipient
        from batch b
        cross join jsonb_to_recordset(b.touches)
            as t (touch_id bigint, enrollment_id bigint, step text, visit int, channel text)
        join enrollment e on e.id = t.enrollment_id
        join prospect p on p.id = e.prospect_id
        left join journal j on j.batch_id = b.id and j.epoch = b.epoch
            and j.touch_id = t.touch_id and j.kind = 'begin'
        where t.touch_id = any($1::bigint[])""",
        ids,
    )
    return {row["id"]: _touch_of(row) for row in rows if row["recipient"] is not None}


async def by_provider_ids(db: Connection, ids: Sequence[str]) -> Mapping[str, TouchOf]:
    """The same by what providers called them, or by their conversation: then its latest touch."""
    rows = await db.fetch(
        f"""select {_TOUCH_OF}, t.provider_id as name from touch t
            where provider_id = any($1::text[])
        union all
        select {_TOUCH_OF}, t.thread_id from touch t where thread_id = any($1::text[])
        order by id""",
        ids,
    )
    return {row["name"]: _touch_of(row) for row in rows}


async def latest_on(
    db: Connection, channel: str, addresses: Sequence[str]
) -> Mapping[str, TouchOf]:
    """The last touch that went to each of these addresses on a channel."""
    rows = await db.fetch(
        f"""select distinct on (recipient) * from (
            select {_TOUCH_OF} from prospect p
            join touch t on t.prospect_id = p.id and t.channel = $1
                and t.recipient = any($2::text[])
            where case $1 when 'email' then p.email when 'sms' then p.phone else p.profile end
                = any($2::text[])
            union all
            select {_TOUCH_OF} from touch t
            where t.party is not null and t.recipient = any($2::text[]) and t.channel = $1) found
        order by recipient, id desc""",
        channel,
        addresses,
    )
    return {row["recipient"]: _touch_of(row) for row in rows}


async def thread(
    db: Connection, enrollment_ids: Sequence[EnrollmentId]
) -> Mapping[EnrollmentId, Sequence[Mail]]:
    """The mails that each enrollment got, oldest first: what a follow-up cites."""
    rows = await db.fetch(
        """select enrollment_id, step, provider_id, account from touch
        where enrollment_id = any($1::bigint[]) and channel = 'email'
          and status in ('sent', 'unknown') and provider_id is not null
        order by id""",
        enrollment_ids,
    )
    threads: dict[EnrollmentId, list[Mail]] = {}
    for row in rows:
        mail = Mail(step=row["step"], message_id=row["provider_id"], account=row["account"])
        threads.setdefault(row["enrollment_id"], []).append(mail)
    return threads


async def reconcile(tx: Connection, touch_ids: Sequence[TouchId], event_id: int) -> int:
    """Later evidence shows that unknown touches did arrive. Returns how many were unknown."""
    tag = await tx.execute(
        """update touch set status = 'sent', reconciled_by = $2
        where id = any($1::bigint[]) and status = 'unknown'""",
        touch_ids,
        event_id,
    )
    return int(tag.rpartition(" ")[2])


_TOUCH_OF = """t.id, t.enrollment_id, t.step, t.visit, t.channel, t.recipient, t.status, t.party,
    t.began_at"""


def _touch_of(row: Row) -> TouchOf:
    return TouchOf(
        touch_id=row["id"],
        enrollment_id=row["enrollment_id"],
        step=row["step"],
        visit=row["visit"],
        channel=Channel(row["channel"]),
        recipient=row["recipient"],
        status=TouchStatus(row["status"]),
        party=row["party"],
        began_at=row["began_at"],
    )
