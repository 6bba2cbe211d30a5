"""Where enrollments stand, and choosing among them by what is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.model import EnrollmentId
from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class StandingCount:
    """How many enrollments of one version that have not ended stand at a step."""

    version: int
    step: str
    enrollments: int


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which enrollments are meant: those that fit everything that is not None.

    who: keys of prospects. field: (name, value) of the prospect, compared as
    text. statuses: of the enrollment; empty: any.
    """

    cadence: str | None = None
    version: int | None = None
    step: str | None = None
    owner: str | None = None
    company: str | None = None
    country: str | None = None
    subject: str | None = None
    reason: str | None = None
    crm_status: str | None = None
    field: tuple[str, str] | None = None
    who: Sequence[str] | None = None
    statuses: Sequence[str] = ()


async def counts(db: Connection, cadence: str) -> Sequence[StandingCount]:
    """Enrollments of a cadence that have not ended, by version and step; lanes count each."""
    rows = await db.fetch(
        """select v.version, split_part(place, ':', 1) as step, count(*) as enrollments
        from enrollment e join cadence_version v on v.id = e.version_id
        join cadence c on c.id = v.cadence_id
        cross join unnest(e.standing) as place
        where c.name = $1 and e.status <> 'finished'
        group by 1, 2 order by 1, 2""",
        cadence,
    )
    return [StandingCount(**row) for row in rows]


async def select(
    db: Connection, wanted: Selection, *, after: int = 0, most: int
) -> Sequence[EnrollmentId]:
    """The ids of up to `most` enrollments that are meant, in order, from the one after `after`."""
    conditions, values = _conditions(wanted)
    rows = await db.fetch(
        f"""select e.id from enrollment e
        join prospect p on p.id = e.prospect_id
        join cadence c on c.id = e.cadence_id
        join cadence_version v on v.id = e.version_id
        where e.id > $1 {conditions} order by e.id limit $2""",
        after,
        most,
        *values,
    )
    return [row["id"] for row in rows]


async def names(db: Connection, status: str) -> Sequence[tuple[str, str, str]]:
    """(cadence, key of the prospect, subject) of every enrollment of this status."""
    rows = await db.fetch(
        """select c.name, p.key, e.subject from enrollment e
        join cadence c on c.id = e.cadence_id join prospect p on p.id = e.prospect_id
        where e.status = $1 order by e.id""",
        status,
    )
    return [(row["name"], row["key"], row["subject"]) for row in rows]


async def tally(db: Connection, wanted: Selection) -> Mapping[tuple[str, str, str], int]:
    """(cadence, status, step) → how many are meant."""
    conditions, values = _conditions(wanted, first=1)
    rows = await db.fetch(
        f"""select c.name, e.status, e.step, count(*) as count from enrollment e
        join prospect p on p.id = e.prospect_id
        join cadence c on c.id = e.cadence_id
        join cadence_version v on v.id = e.version_id
        where true {conditions} group by 1, 2, 3 order by 1, 2, 3""",
        *values,
    )
    return {(row["name"], row["status"], row["step"]): row["count"] for row in rows}


_CONDITIONS = {
    "cadence": "c.name = {0}",
    "version": "v.version = {0}::int",
    "step": "exists (select from unnest(e.standing) as s where split_part(s, ':', 1) = {0})",
    "owner": "p.owner_id = {0}",
    "company": "p.company = lower({0}::text)",
    "country": "p.country = upper({0}::text)",
    "subject": "e.subject = {0}",
    "reason": "e.reason = {0}",
    "crm_status": "e.course->>'crm_status' = {0}",
    "who": "p.key = any({0}::text[])",
}


def _conditions(wanted: Selection, first: int = 3) -> tuple[str, Sequence[object]]:
    """SQL for what is wanted, its parameters numbered from `first`, and their values."""
    said: list[str] = []
    values: list[object] = []

    def add(condition: str, *of: object) -> None:
        numbers = [f"${first + len(values) + n}" for n in range(len(of))]
        said.append(condition.format(*numbers))
        values.extend(of)

    for name, condition in _CONDITIONS.items():
        value = getattr(wanted, name)
        if value is not None:
            add(condition, value)
    if wanted.field is not None:
        add("p.fields->>{0}::text = {1}::text", *wanted.field)
    if wanted.statuses:
        add("e.status = any({0}::text[])", list(wanted.statuses))
    return "".join(f" and {condition}" for condition in said), values
