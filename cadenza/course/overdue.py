"""What becomes of a touch that could not go at its time: after an outage, or out of a backup.

Only what nobody could help is late: a touch that a limit, a window or a
provider put off has a new time of its own, and counts from there.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from cadenza.calendars import WorkCalendar
from cadenza.language.cadence import Cadence, Overdue
from cadenza.language.timing import Gap
from cadenza.planner.occurrences import OVERDUE

PUNCTUAL = timedelta(hours=1)
"""Up to this a touch is not late where nothing says how late is late: the pipeline has moments."""

DEFAULT = Overdue(within=Gap(days=1), otherwise="reflow")
"""What holds where neither step, cadence nor organisation says anything."""

REASON = OVERDUE


class Late(StrEnum):
    """What to do now. REFLOW: placed anew, as if its time had only now come."""

    SEND = "send"
    REFLOW = "reflow"
    SKIP = "skip"


def when_late(
    cadence: Cadence,
    step: str,
    *,
    due_at: datetime,
    now: datetime,
    zone: str,
    calendar: WorkCalendar | None,
    standard: Overdue | None,
) -> Late:
    """What becomes of the touch of `step` that was due at `due_at`, by what the step says. Pure.

    Days of its policy are counted as the cadence counts them, in the
    prospect's zone. standard: what holds where the cadence says nothing.
    """
    if now <= due_at:
        return Late.SEND
    policy = cadence.overdue.get(step) or standard or DEFAULT
    if policy.within is None:
        deadline = due_at + PUNCTUAL
    else:
        days = calendar.counting(cadence.days) if calendar else cadence.days
        deadline = policy.within.exactly_after(due_at, days, zone)
    return Late.SEND if now <= deadline else Late(policy.otherwise)
