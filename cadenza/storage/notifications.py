"""What owners hear: one message when their prospect responds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cadenza.model import EnrollmentId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class NewNotification:
    """One message to one owner about one event."""

    owner_id: str
    enrollment_id: EnrollmentId
    event_id: int | None
    kind: str


@dataclass(frozen=True, kw_only=True)
class Notification:
    """A notification that waits, with what its text is made of."""

    notification_id: int
    owner_id: str
    enrollment_id: EnrollmentId
    kind: str
    attempts: int
    cadence: str
    step: str | None
    channel: str | None
    event: dict[str, Any]
    prospect: dict[str, Any]


async def add(tx: Connection, new: Sequence[NewNotification], now: datetime) -> None:
    """Owe these notifications; one per event and enrollment."""
    if new:
        await tx.execute(
            """insert into notification
                (owner_id, enrollment_id, event_id, kind, created_at, not_before)
            select o, e, ev, k, $5, clock_timestamp()
            from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) as t (o, e, ev, k)
            on conflict do nothing""",
            [n.owner_id for n in new],
            [n.enrollment_id for n in new],
            [n.event_id for n in new],
            [n.kind for n in new],
            now,
        )


_TO_BE_SENT = """sent_at is null and failure is null and not_before <= clock_timestamp()
    and (waits_until is null or waits_until <= $1)"""


async def take(tx: Connection, most: int, now: datetime) -> Sequence[Notification]:
    """Lock notifications that are to be sent now for this transaction."""
    rows = await tx.fetch(
        f"""select n.id, n.owner_id, n.enrollment_id, n.kind, n.attempts, c.name as cadence,
            ev.step, ev.source, ev.data, p.key, p.email, p.phone, p.profile, p.company, p.fields
        from notification n
        join enrollment e on e.id = n.enrollment_id
        join cadence c on c.id = e.cadence_id
        join prospect p on p.id = e.prospect_id
        left join event ev on ev.id = n.event_id
        where {_TO_BE_SENT}
        order by n.id limit $2 for update of n skip locked""",
        now,
        most,
    )
    return [
        Notification(
            notification_id=row["id"],
            owner_id=row["owner_id"],
            enrollment_id=row["enrollment_id"],
            kind=row["kind"],
            attempts=row["attempts"],
            cadence=row["cadence"],
            step=row["step"],
            channel=row["source"],
            event=row["data"] if row["data"] else {},
            prospect={
                "key": row["key"],
                "email": row["email"],
                "phone": row["phone"],
                "profile": row["profile"],
                "company": row["company"],
                **row["fields"],
            },
        )
        for row in rows
    ]


async def is_one_waiting(db: Connection, now: datetime) -> bool:
    """Whether one is to be sent now."""
    waits: bool = await db.fetchval(
        f"select exists (select from notification where {_TO_BE_SENT})", now
    )
    return waits


async def put_off(tx: Connection, now: datetime, until: datetime) -> None:
    """None of those that are to be sent now is before `until`; it counts as no attempt."""
    await tx.execute(
        f"""update notification set waits_until = $2 where id in
        (select id from notification where {_TO_BE_SENT} order by id for update skip locked)""",
        now,
        until,
    )


async def sent(tx: Connection, ids: Sequence[int], now: datetime) -> None:
    """These were taken by the relay."""
    await tx.execute("update notification set sent_at = $2 where id = any($1::bigint[])", ids, now)


async def failed(
    tx: Connection, notification_id: int, *, retry_seconds: float | None, failure: str
) -> None:
    """This one was not; try again after `retry_seconds`, or (None) give up and keep the reason."""
    await tx.execute(
        """update notification set attempts = attempts + 1,
            not_before = clock_timestamp() + coalesce($2, 0) * interval '1 second',
            failure = case when $2::float8 is null then $3 end
        where id = $1""",
        notification_id,
        retry_seconds,
        failure,
    )
