"""What was done in one enrollment, by the ledger and the tasks."""

from dataclasses import dataclass

from cadenza.model import EnrollmentId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class Done:
    """emails_sent: to the prospect. calls_done: whatever came of them. approvals: steps."""

    emails_sent: int
    calls_done: int
    approvals: frozenset[str]


async def of_enrollment(db: Connection, enrollment_id: EnrollmentId) -> Done:
    """Count. Of several answers of one approval the last one counts."""
    row = await db.fetchrow(
        """select
            (select count(*) from touch where enrollment_id = $1 and channel = 'email'
                and status in ('sent', 'unknown') and party is null) as emails_sent,
            (select count(*) from task where enrollment_id = $1 and kind = 'call'
                and state = 'done') as calls_done,
            array(select step from (
                select distinct on (step) step, disposition from task
                where enrollment_id = $1 and kind = 'approval' and state = 'done'
                order by step, visit desc) as last
                where disposition = 'approved') as approvals""",
        enrollment_id,
    )
    if row is None:
        raise LookupError("a select of aggregates has a row")
    return Done(
        emails_sent=row["emails_sent"],
        calls_done=row["calls_done"],
        approvals=frozenset(row["approvals"]),
    )
