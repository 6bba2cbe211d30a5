"""What is counted of one cadence, for reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.storage.database import Connection


@dataclass(frozen=True, kw_only=True)
class VariantEnd:
    """How many enrollments with one variant of an experiment stand or ended so.

    outcome: None for those that have not ended.
    """

    experiment: str
    variant: str
    outcome: str | None
    enrollments: int


async def step_counts(db: Connection, cadence: str) -> Mapping[tuple[str, str], int]:
    """(step, metric) → count, over all versions of a cadence; metrics as in `rollup`."""
    rows = await db.fetch(
        """select step, metric, sum(value)::bigint as count from rollup
        where cadence = $1 group by step, metric""",
        cadence,
    )
    return {(row["step"], row["metric"]): row["count"] for row in rows}


async def variant_ends(db: Connection, cadence: str) -> Sequence[VariantEnd]:
    """What became of the enrollments of each variant."""
    rows = await db.fetch(
        """select v.key as experiment, v.value as variant, e.outcome, count(*) as enrollments
        from enrollment e join cadence c on c.id = e.cadence_id
        cross join jsonb_each_text(coalesce(e.course->'variants', '{}')) as v
        where c.name = $1 group by 1, 2, 3 order by 1, 2, 3""",
        cadence,
    )
    return [VariantEnd(**row) for row in rows]
