"""Receipts of messages with enrollments or signals, with a verdict for every row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cadenza.model import EnrollmentId
from cadenza.storage.database import Connection

Kind = Literal["enrollment", "signal"]
ENROLLMENT: Kind = "enrollment"
SIGNAL: Kind = "signal"

_ACCEPTED = frozenset({"enrolled", "recorded"})


@dataclass(frozen=True, kw_only=True)
class RowVerdict:
    """What became of one row.

    verdict: `enrolled`, `duplicate` (under way already), `refused` (by the
    cadence's policy), `rejected` (it is wrong, or nobody may be contacted
    so); of a signal `recorded`. starts_at: when the enrollment begins, if
    that is a later day.
    """

    row_number: int
    verdict: str
    reason: str | None = None
    field: str | None = None
    enrollment_id: EnrollmentId | None = None
    starts_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A whole message's receipt."""

    message_key: str
    cadence: str | None
    status: str
    reason: str | None
    accepted: int
    rejected: int
    received_at: datetime

    def as_json(self) -> Mapping[str, Any]:
        """The document that producers read."""
        return {
            "key": self.message_key,
            "cadence": self.cadence,
            "status": self.status,
            "reason": self.reason,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "received_at": self.received_at.isoformat(),
        }


async def open_receipt(
    tx: Connection, message_key: str, cadence: str | None, now: datetime, kind: Kind = ENROLLMENT
) -> int | None:
    """Begin the receipt of a message; None if the key is known: the message came before.

    One that could not be read does not use its key up: mended, it may come
    again. A second transaction with the same key waits here until the first ends.
    """
    receipt_id: int | None = await tx.fetchval(
        """insert into receipt (kind, message_key, cadence, status, received_at)
        values ($4, $1, $2, 'accepted', $3)
        on conflict (kind, message_key) do update set cadence = excluded.cadence,
            status = 'accepted', reason = null, raw = null, received_at = excluded.received_at
            where receipt.status = 'unreadable'
        returning id""",
        message_key,
        cadence,
        now,
        kind,
    )
    return receipt_id


async def close_receipt(tx: Connection, receipt_id: int, verdicts: Sequence[RowVerdict]) -> None:
    """Store the verdicts and their totals."""
    await tx.execute(
        """insert into receipt_row
            (receipt_id, row_number, verdict, reason, field, enrollment_id, starts_at)
        select $1, * from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::bigint[],
            $7::timestamptz[])""",
        receipt_id,
        [v.row_number for v in verdicts],
        [v.verdict for v in verdicts],
        [v.reason for v in verdicts],
        [v.field for v in verdicts],
        [v.enrollment_id for v in verdicts],
        [v.starts_at for v in verdicts],
    )
    accepted = sum(v.verdict in _ACCEPTED for v in verdicts)
    await tx.execute(
        "update receipt set rows_accepted = $2, rows_rejected = $3 where id = $1",
        receipt_id,
        accepted,
        len(verdicts) - accepted,
    )


async def unreadable(
    tx: Connection,
    message_key: str,
    reason: str,
    raw: bytes,
    now: datetime,
    *,
    kind: Kind = ENROLLMENT,
) -> None:
    """Keep a message that could not be read, with the reason; of a key's several the last one."""
    await tx.execute(
        """insert into receipt (kind, message_key, status, reason, raw, received_at)
        values ($5, $1, 'unreadable', $2, $3, $4)
        on conflict (kind, message_key) do update set reason = excluded.reason, raw = excluded.raw,
            received_at = excluded.received_at
            where receipt.status = 'unreadable'""",
        message_key,
        reason,
        raw,
        now,
        kind,
    )


async def find(db: Connection, message_key: str, kind: Kind = ENROLLMENT) -> Receipt | None:
    """The receipt of a message."""
    row = await db.fetchrow(
        "select * from receipt where kind = $2 and message_key = $1", message_key, kind
    )
    if row is None:
        return None
    return Receipt(
        message_key=row["message_key"],
        cadence=row["cadence"],
        status=row["status"],
        reason=row["reason"],
        accepted=row["rows_accepted"],
        rejected=row["rows_rejected"],
        received_at=row["received_at"],
    )


async def enrolled(db: Connection, message_key: str, *, since: datetime) -> Sequence[EnrollmentId]:
    """Whom a message of enrollments enrolled, if it came after `since`."""
    rows = await db.fetch(
        """select rr.enrollment_id from receipt r join receipt_row rr on rr.receipt_id = r.id
        where r.kind = $3 and r.message_key = $1 and r.received_at > $2
            and rr.enrollment_id is not null order by 1""",
        message_key,
        since,
        ENROLLMENT,
    )
    return [row["enrollment_id"] for row in rows]


async def verdicts(
    db: Connection,
    message_key: str,
    *,
    after: int = -1,
    most: int = 1000,
    kind: Kind = ENROLLMENT,
) -> Sequence[RowVerdict]:
    """The verdicts of a message's rows in order, from row `after` on."""
    rows = await db.fetch(
        """select rr.* from receipt_row rr join receipt r on r.id = rr.receipt_id
        where r.kind = $4 and r.message_key = $1 and rr.row_number > $2
        order by rr.row_number limit $3""",
        message_key,
        after,
        most,
        kind,
    )
    return [
        RowVerdict(
            row_number=row["row_number"],
            verdict=row["verdict"],
            reason=row["reason"],
            field=row["field"],
            enrollment_id=row["enrollment_id"],
            starts_at=row["starts_at"],
        )
        for row in rows
    ]
