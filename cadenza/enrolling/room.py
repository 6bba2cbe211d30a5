"""Room for those who begin: their first touches get times that the accounts have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cadenza.enrolling.wanted import Begun, Ready, Wanted
from cadenza.ground import Ground
from cadenza.language.cadence import Cadence
from cadenza.model import EnrollmentId
from cadenza.slots.planning import Intent
from cadenza.storage.database import Connection
from cadenza.storage.due import NewPlan
from cadenza.timespec import day_of


async def under_limits(
    tx: Connection, ground: Ground, cadence: Cadence, ready: Sequence[Ready]
) -> tuple[Sequence[Begun], Sequence[Ready], Mapping[int, Sequence[NewPlan]]]:
    """First touches at times that the accounts have; whose day is full starts later, or not.

    Returns who is refused, who begins, and what is planned for each, by their numbers.
    """
    pairs = [(r, planned) for r in ready for planned in r.started.plans]
    intents = [
        Intent(
            enrollment_id=EnrollmentId(0),  # they have none yet
            shard=r.wanted.shard,
            cadence=cadence,
            profile=r.profile,
            planned=planned,
            company=r.wanted.company,
            is_first=True,
        )
        for r, planned in pairs
    ]
    found = await ground.pacer.plans(tx, intents)
    plans: dict[int, list[NewPlan]] = {r.wanted.number: [] for r in ready}
    later: dict[int, NewPlan] = {}
    zone = ground.accounts.organisation.time_zone
    for (r, planned), plan in zip(pairs, found, strict=True):
        plans[r.wanted.number].append(plan)
        if plan.reason and day_of(plan.planned.due_at, zone) > day_of(planned.due_at, zone):
            later[r.wanted.number] = plan
    if cadence.enroll.when_full == "refuse":
        refused = [_full(r.wanted, later[n]) for r in ready if (n := r.wanted.number) in later]
        return refused, [r for r in ready if r.wanted.number not in later], plans
    return (), [_dated(r, later.get(r.wanted.number)) for r in ready], plans


def _full(wanted: Wanted, plan: NewPlan) -> Begun:
    day = plan.planned.due_at.date().isoformat()
    return Begun.no(wanted, "refused", f"no room for a first touch before {day} ({plan.reason})")


def _dated(ready: Ready, later: NewPlan | None) -> Ready:
    if later is None:
        return ready
    reason = f"no room for a first touch any sooner ({later.reason})"
    return replace(ready, starts_at=later.planned.due_at, reason=reason)
