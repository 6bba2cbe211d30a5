"""The statuses that enrollments had, so that the time spent in each is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import EnrollmentId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class StatusSpan:
    """One status, from when to when. left_at: None for the present one."""

    status: str
    entered_at: datetime
    left_at: datetime | None


async def enter(tx: Connection, entered: Sequence[tuple[EnrollmentId, str, datetime]]) -> None:
    """These enrollments have these statuses from now on; the ones before end. They are held."""
    # One after the other, as an enrollment may pass through several at once; they are few.
    for enrollment_id, status, at in entered:
        await tx.execute(
            """update status_history set left_at = greatest(entered_at, $2)
            where enrollment_id = $1 and left_at is null""",
            enrollment_id,
            at,
        )
        await tx.execute(
            """insert into status_history (enrollment_id, status, entered_at)
            values ($1, $2, $3)""",
            enrollment_id,
            status,
            at,
        )


async def begin(tx: Connection, ids: Sequence[EnrollmentId], status: str,
                at: Sequence[datetime]) -> None:  # fmt: skip
    """The first status of new enrollments, and since when."""
    await tx.execute(
        """insert into status_history (enrollment_id, status, entered_at)
        select e, $2, a from unnest($1::bigint[], $3::timestamptz[]) as t (e, a)""",
        ids,
        status,
        at,
    )


async def history(db: Connection, enrollment_id: EnrollmentId) -> Sequence[StatusSpan]:
    """All of them, in the order in which they came."""
    rows = await db.fetch(
        """select status, entered_at, left_at from status_history
        where enrollment_id = $1 order by id""",
        enrollment_id,
    )
    return [StatusSpan(**row) for row in rows]
