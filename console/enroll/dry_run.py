"""What an enrollment would do, row by row, without doing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cadenza import planner
from cadenza.accounts import Accounts
from cadenza.enrolling import Row, RowRejected, check_row
from cadenza.language.cadence import Cadence
from cadenza.model import Planned, Profile, ProspectId
from cadenza.storage import imports, suppressions
from cadenza.storage.database import Connection
from cadenza.storage.prospects import NewProspect
from console.enroll.table import FileRow

_CHUNK = 2_000


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What would become of one row of the file. first: what would happen first, and when."""

    number: int
    verdict: Literal["enrolled", "duplicate", "rejected"]
    reason: str | None = None
    field: str | None = None
    prospect: NewProspect | None = None
    first: Planned | None = None


async def dry_run(
    db: Connection,
    rows: Sequence[FileRow],
    *,
    cadence: Cadence,
    cadence_id: int,
    accounts: Accounts,
    now: datetime,
) -> Sequence[Fate]:
    """The verdicts that the rows would get now, in order."""
    fates: list[Fate] = []
    seen: set[tuple[str, str]] = set()
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        checked = [_checked(row, accounts, seen) for row in chunk]
        good = [row for row in checked if isinstance(row, Row)]
        keys = {r.prospect.key: _suppression_keys(r.prospect) for r in good}
        forbidden = await suppressions.among(db, [k for some in keys.values() for k in some])
        active = await imports.active_among(db, cadence_id, list(keys))
        for file_row, row in zip(chunk, checked, strict=True):
            if isinstance(row, Fate):
                fates.append(row)
            elif not forbidden.isdisjoint(keys[row.prospect.key]):
                fates.append(_refused(file_row, "rejected", "is on the do-not-contact list"))
            elif (row.prospect.key, row.subject) in active:
                fates.append(_refused(file_row, "duplicate", "already active in this cadence"))
            else:
                fates.append(_enrolled(file_row.number, row.prospect, cadence, now))
    return fates


def _checked(file_row: FileRow, accounts: Accounts, seen: set[tuple[str, str]]) -> Row | Fate:
    try:
        row = check_row(file_row.prospect, accounts)
    except RowRejected as error:
        return Fate(
            number=file_row.number, verdict="rejected", reason=error.reason, field=error.field
        )
    identity = (row.prospect.key, row.subject)
    if identity in seen:
        return _refused(file_row, "duplicate", "the same prospect stands further up in this file")
    seen.add(identity)
    return row


def _refused(row: FileRow, verdict: Literal["duplicate", "rejected"], reason: str) -> Fate:
    return Fate(number=row.number, verdict=verdict, reason=reason)


def _enrolled(number: int, prospect: NewProspect, cadence: Cadence, now: datetime) -> Fate:
    profile = Profile(
        prospect_id=ProspectId(0),
        key=prospect.key,
        email=prospect.email,
        phone=prospect.phone,
        profile=prospect.profile,
        time_zone=prospect.time_zone,
        country=prospect.country,
        locale=prospect.locale,
        owner_id=prospect.owner_id,
        fields=prospect.fields,
    )
    first = planner.start(cadence, profile, now).plan
    return Fate(number=number, verdict="enrolled", prospect=prospect, first=first)


def _suppression_keys(prospect: NewProspect) -> Sequence[str]:
    return suppressions.keys_of(key=prospect.key, email=prospect.email)
