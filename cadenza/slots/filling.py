"""Fills times that became free: whoever waits for room goes as soon as there is some.

Enrollments end, follow-ups take less than was kept for them, limits are
raised: what was planned later for want of room is planned sooner again.
So no account rests while somebody waits for it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cadenza import planner
from cadenza.accounts.states import ACCOUNT_PAUSED, resume_account
from cadenza.calendars import NoOpening
from cadenza.ground import Ground
from cadenza.limits import reasons
from cadenza.model import EnrollmentStatus
from cadenza.pacing.book import FOLLOW_UPS_FIRST
from cadenza.pacing.grid import grid_of
from cadenza.slots.planning import Intent
from cadenza.storage import due, enrollments
from cadenza.storage.database import Connection
from cadenza.storage.due import DueTouch
from cadenza.storage.enrollments import Enrollment

EVERY = timedelta(minutes=10)
"""How often it is worth looking, in schedule time."""

_LOCK = 7239484
_WAITS_AT_LEAST = timedelta(hours=1)
_SOONER_BY = timedelta(minutes=30)
_EACH = 50
_MOST = 1_000
_MOST_OF_ONE = 5_000


async def fill_up(tx: Connection, ground: Ground, now: datetime) -> int:
    """Give free times to whoever waits for room, the oldest first; returns how many moved.

    One process at a time: for the others there is nothing to do.
    """
    if not await tx.fetchval("select pg_try_advisory_xact_lock($1)", _LOCK):
        return 0
    waiting = await due.waiting(
        tx, [*reasons(), FOLLOW_UPS_FIRST], now + _WAITS_AT_LEAST, each=_EACH, most=_MOST
    )
    return await _move(tx, ground, waiting, now, by=_SOONER_BY)


async def go_on(tx: Connection, ground: Ground, account: str) -> int:
    """An account that rested goes on: what waited for it gets free times from now on.

    Enrollments are held before the account, as by whoever judges its health.
    Returns how many touches waited. Raises UnknownName, AccountIsSo.
    """
    waiting = await due.held(tx, account, ACCOUNT_PAUSED, most=_MOST_OF_ONE)
    count = await _move(tx, ground, waiting, ground.clock.now(), by=None)
    await resume_account(tx, ground.accounts, account, clock=ground.clock)
    return count


async def _move(
    tx: Connection,
    ground: Ground,
    waiting: Sequence[DueTouch],
    now: datetime,
    by: timedelta | None,
) -> int:
    if not waiting:
        return 0
    known = await enrollments.lock(tx, sorted({touch.enrollment_id for touch in waiting}))
    await ground.catalog.load(tx, {e.version_id for e in known.values()})
    wanted = [
        (touch, intent)
        for touch in waiting
        if (intent := _intent(ground, touch, known[touch.enrollment_id], now)) is not None
    ]
    moved = await ground.pacer.sooner(tx, wanted, by)
    return await due.move(tx, moved) if moved else 0


def _intent(
    ground: Ground, touch: DueTouch, enrollment: Enrollment, now: datetime
) -> Intent | None:
    """What its step would have planned now; None if nothing."""
    state, cadence = enrollment.state, ground.catalog[enrollment.version_id]
    account = ground.accounts.account_by_id.get(touch.account or "")
    is_active = state.status is EnrollmentStatus.ACTIVE
    if account is None or not is_active or not state.stands_at(touch.step, touch.visit):
        return None
    try:
        planned = planner.place_again(
            cadence,
            state,
            enrollment.profile,
            now,
            step=touch.step,
            calendar=ground.accounts.places.of(enrollment.profile),
            within=account.window,
            # Of an account without slots the day is to stay spread.
            at_once=grid_of(account) is not None,
        )
    except (NoOpening, ValueError):
        return None
    return Intent(
        enrollment_id=enrollment.enrollment_id,
        shard=enrollment.shard,
        cadence=cadence,
        profile=enrollment.profile,
        planned=planned,
        company=enrollment.company,
        is_first=touch.is_first,
    )
