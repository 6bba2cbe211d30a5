"""The cadences that others lead into, so that whoever may begin several holds them in one order.

Cadences and people are locked before any account's times, and all at once
(see `storage.beginnings`). So before somebody begins a cadence, those are
held as well into which its first steps may move them in the same moment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cadenza.catalog import Catalog
from cadenza.errors import UnknownName
from cadenza.language.cadence import Cadence
from cadenza.model import ProspectId
from cadenza.steps.move_to import MoveToStep
from cadenza.steps.task import TaskStep
from cadenza.steps.touch import TouchStep
from cadenza.storage import beginnings
from cadenza.storage.cadences import StoredVersion
from cadenza.storage.database import Connection


async def hold_onward(
    tx: Connection, catalog: Catalog, names: Iterable[str], people: Sequence[ProspectId] = ()
) -> None:
    """Let nobody else begin these cadences, those that they lead into at once, or with `people`.

    Names of cadences that were never applied are left out.
    """
    found = await _onward(tx, catalog, names)
    await beginnings.lock_cadences(tx, [version.cadence_id for version in found.values()])
    if people:
        await beginnings.lock_people(tx, people)


def targets(cadence: Cadence) -> Iterator[str]:
    """Every cadence into which this one may move somebody, sooner or later."""
    return (step.cadence for step in cadence.steps.values() if isinstance(step, MoveToStep))


def targets_at_once(cadence: Cadence) -> Iterator[str]:
    """Those into which it may move somebody in the moment in which they begin.

    Touches and tasks take until somebody has looked after them; every other
    step may be over at once.
    """
    ahead, seen = [cadence.first_step()], set[str]()
    while ahead:
        step_id = ahead.pop()
        if step_id in seen:
            continue
        seen.add(step_id)
        step, following = cadence.steps[step_id], cadence.next_step(step_id)
        if isinstance(step, MoveToStep):
            yield step.cadence
        if not isinstance(step, TouchStep | TaskStep):
            ahead += [*step.targets(), *step.lanes().values(), *([following] if following else [])]


async def _onward(
    db: Connection, catalog: Catalog, names: Iterable[str]
) -> Mapping[str, StoredVersion]:
    ahead, found = sorted(set(names)), dict[str, StoredVersion]()
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        try:
            found[name] = await catalog.newest(db, name)
        except UnknownName:
            continue  # whoever moves there is told
        ahead += targets_at_once(catalog[found[name].version_id])
    return found
