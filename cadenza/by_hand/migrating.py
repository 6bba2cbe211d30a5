"""Taking enrollments that are under way along to another version of their cadence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza.catalog import Catalog
from cadenza.errors import UnknownName
from cadenza.language.cadence import Cadence
from cadenza.language.source import did_you_mean
from cadenza.model import VersionId
from cadenza.storage import cadences, standing
from cadenza.storage.database import Connection
from cadenza.storage.standing import StandingCount


@dataclass(frozen=True, kw_only=True)
class Move:
    """So many enrollments of one version stand at `step`, and will stand at `to`.

    to: None where nobody said so, and the step is gone.
    """

    version: int
    step: str
    to: str | None
    enrollments: int


@dataclass(frozen=True, kw_only=True)
class Migration:
    """What is to be done. mapping: step → step, as it was said. versions: those concerned."""

    cadence: str
    version_id: VersionId
    version: int
    mapping: Mapping[str, str]
    moves: Sequence[Move]

    @property
    def homeless(self) -> Sequence[Move]:
        """Moves that lead nowhere: nothing can be migrated before these are mapped."""
        return [move for move in self.moves if move.to is None]


async def prepare(
    db: Connection,
    catalog: Catalog,
    name: str,
    *,
    to: int | None = None,
    from_: int | None = None,
    mapping: Mapping[str, str],
) -> Migration:
    """Look at who would move where. to: a version, else the newest. from_: only those of one.

    Raises UnknownName for a cadence, version or step that does not exist.
    """
    target = await catalog.newest(db, name)
    if to is not None and to != target.version:
        older = await cadences.by_number(db, name, to)
        if older is None:
            raise UnknownName(f"cadence {name} has no version {to}; the newest is {target.version}")
        target = older
        await catalog.load(db, [target.version_id])
    new = catalog[target.version_id]
    for step in mapping.values():
        if step not in new.steps:
            raise UnknownName(
                f"version {target.version} of {name} has no step {step!r}"
                f"{did_you_mean(step, new.steps)}"
            )
    counts = await standing.counts(db, name)
    concerned = [c for c in counts if c.version != target.version and from_ in (None, c.version)]
    return Migration(
        cadence=name,
        version_id=target.version_id,
        version=target.version,
        mapping=mapping,
        moves=[_move(count, new, mapping) for count in concerned],
    )


def _move(count: StandingCount, new: Cadence, mapping: Mapping[str, str]) -> Move:
    target = mapping.get(count.step, count.step)
    return Move(
        version=count.version,
        step=count.step,
        to=target if target in new.steps else None,
        enrollments=count.enrollments,
    )
