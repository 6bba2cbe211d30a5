"""Enrollments that lead into another cadence: started there, or held where they stand."""

from collections.abc import Iterable
from datetime import datetime

from cadenza.course.changing import Change
from cadenza.course.deciding import reason_of
from cadenza.course.holding import CannotMoveOn, hold
from cadenza.enrolling.moving import Move, move_people
from cadenza.ground import Ground
from cadenza.model import Effect
from cadenza.storage.database import Connection
from cadenza.storage.enrollments import Enrollment


async def move_on(tx: Connection, ground: Ground, changes: Iterable[Change], now: datetime) -> None:
    """Start people in the cadences to which they move; whom none takes is held."""
    pending = [(c, c.moving) for c in changes if c.moving is not None]
    if not pending:
        return
    wanted = [
        (change, _move(change.before, effect))
        for change, (transition, _, _) in pending
        for effect in transition.effects
        if effect.kind == "move_to"
    ]
    reasons = await move_people(tx, ground, [move for _, move in wanted], now)
    refused = {
        change.before.enrollment_id: reason
        for (change, move), reason in zip(wanted, reasons, strict=True)
        if reason is not None and move.leaves is not None
    }
    for change, (transition, happening, new_tasks) in pending:
        change.moving = None
        reason = refused.get(change.before.enrollment_id)
        if reason is not None:
            hold(change, happening, CannotMoveOn(reason), now)
            continue
        change.tasks += new_tasks
        why = reason_of(happening.occurrence, transition.state)
        change.take(transition, happening, why, now=now)


def _move(enrollment: Enrollment, effect: Effect) -> Move:
    return Move(
        profile=enrollment.profile,
        company=enrollment.company,
        shard=enrollment.shard,
        cadence=effect.data["cadence"],
        carry=effect.data.get("carry"),
        leaves=None if effect.data.get("stay") else enrollment.enrollment_id,
    )
