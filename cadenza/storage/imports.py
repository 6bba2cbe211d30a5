"""What an import of a file asks about: what would come first, which of its messages came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.model import EnrollmentId
from cadenza.storage import receipts
from cadenza.storage.database import Connection
from cadenza.storage.receipts import Receipt


@dataclass(frozen=True, kw_only=True)
class FirstPlan:
    """The first thing that an enrollment has planned."""

    step: str
    due_at: datetime


async def first_plans(
    db: Connection, ids: Sequence[EnrollmentId]
) -> Mapping[EnrollmentId, FirstPlan]:
    """What these enrollments do first."""
    rows = await db.fetch(
        """select distinct on (enrollment_id) enrollment_id, step, due_at from due
        where enrollment_id = any($1::bigint[]) order by enrollment_id, due_at""",
        ids,
    )
    return {row["enrollment_id"]: FirstPlan(step=row["step"], due_at=row["due_at"]) for row in rows}


async def receipts_of(db: Connection, key: str, most: int = 1000) -> Sequence[Receipt]:
    """The receipt of message `key`, and of the parts `KEY-1`, `KEY-2` … of import `key`."""
    rows = await db.fetch(
        """select message_key from receipt where kind = 'enrollment' and (message_key = $1
            or (starts_with(message_key, $1 || '-')
                and substr(message_key, length($1) + 2) ~ '^[0-9]+$'))
        order by length(message_key), message_key limit $2""",
        key,
        most,
    )
    found = [await receipts.find(db, row["message_key"]) for row in rows]
    return [receipt for receipt in found if receipt is not None]
