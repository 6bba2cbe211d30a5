"""What an enrollment would do, row by row: it is done for once, and undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.enrolling.admitting import NumberedRow, admit
from cadenza.enrolling.message import check_row
from cadenza.enrolling.row_values import RowRejected
from cadenza.enrolling.wanted import Begun
from cadenza.ground import Ground
from cadenza.model import EnrollmentId
from cadenza.storage import imports
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection, Database
from cadenza.storage.imports import FirstPlan
from cadenza.storage.prospects import NewProspect
from console.enroll.table import FileRow

_CHUNK = 2_000


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What would become of one row of the file. first: what would happen first, and when."""

    number: int
    verdict: str
    reason: str | None = None
    field: str | None = None
    prospect: NewProspect | None = None
    starts_at: datetime | None = None
    first: FirstPlan | None = None


class _Undo(Exception):
    """Ends the transaction of a rehearsal."""


async def dry_run(
    database: Database,
    rows: Sequence[FileRow],
    *,
    version: StoredVersion,
    ground: Ground,
    now: datetime,
) -> Sequence[Fate]:
    """The verdicts that the rows would get now, in order.

    All of it happens in a transaction that is rolled back, so that places,
    policy and do-not-contact list are those of the real thing. Whoever
    enrolls in the same cadence meanwhile waits for that moment.
    """
    fates: list[Fate] = []
    try:
        async with database.transaction() as tx:
            for start in range(0, len(rows), _CHUNK):
                fates += await _rehearse(tx, rows[start : start + _CHUNK], version, ground, now)
            raise _Undo
    except _Undo:
        return fates


async def _rehearse(
    tx: Connection,
    rows: Sequence[FileRow],
    version: StoredVersion,
    ground: Ground,
    now: datetime,
) -> Sequence[Fate]:
    fates: dict[int, Fate] = {}
    good: list[NumberedRow] = []
    for row in rows:
        try:
            checked = check_row(row.prospect, ground.accounts)
        except RowRejected as error:
            fates[row.number] = Fate(
                number=row.number, verdict="rejected", reason=error.reason, field=error.field
            )
            continue
        good.append(NumberedRow(number=row.number, row=checked))
    begun = await admit(tx, ground, version, good, now)
    enrolled = [b.enrollment_id for b in begun if b.enrollment_id is not None]
    first = await imports.first_plans(tx, enrolled)
    prospects = {g.number: g.row.prospect for g in good}
    fates |= {b.number: _fate(b, prospects[b.number], first) for b in begun}
    return [fates[row.number] for row in rows]


def _fate(begun: Begun, prospect: NewProspect, first: Mapping[EnrollmentId, FirstPlan]) -> Fate:
    if begun.enrollment_id is None:
        reason = (begun.reason or "").replace("in this message", "in this file")
        return Fate(number=begun.number, verdict=begun.verdict, reason=reason)
    return Fate(
        number=begun.number,
        verdict=begun.verdict,
        prospect=prospect,
        starts_at=begun.starts_at,
        first=first.get(begun.enrollment_id),
    )
