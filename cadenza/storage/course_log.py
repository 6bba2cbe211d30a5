"""The course log: everything that ever moved an enrollment, in order."""

import json
from collections.abc import Sequence

from cadenza.model import EnrollmentId
from cadenza.planner import LogEntry
from cadenza.storage.database import Connection


async def append(tx: Connection, entries: Sequence[tuple[EnrollmentId, LogEntry]]) -> None:
    """Add entries, each to the end of its enrollment's log; the enrollments are locked."""
    if not entries:
        return
    await tx.execute(
        """insert into course_log (enrollment_id, recorded_now, kind, at, step, event, data, held)
        select e, n, k, a, s, ev, d, h
        from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::text[],
            $6::text[], $7::text[]::jsonb[], $8::boolean[]) with ordinality
            as t (e, n, k, a, s, ev, d, h, number)
        order by number""",
        [enrollment_id for enrollment_id, _ in entries],
        [entry.now for _, entry in entries],
        [entry.kind for _, entry in entries],
        [entry.at for _, entry in entries],
        [entry.step for _, entry in entries],
        [entry.event for _, entry in entries],
        [json.dumps(dict(entry.data)) for _, entry in entries],
        [entry.held for _, entry in entries],
    )


async def read(db: Connection, enrollment_id: EnrollmentId) -> Sequence[LogEntry]:
    """The log of one enrollment, from its beginning."""
    rows = await db.fetch(
        """select recorded_now as now, kind, at, step, event, data, held
        from course_log where enrollment_id = $1 order by number""",
        enrollment_id,
    )
    return [LogEntry(**row) for row in rows]
