"""Is it the time for this touch? What is overdue, and what a calendar has closed meanwhile.

Plans are made days ahead. Between then and now there may have been an
outage, or somebody added a blackout, a holiday or an account's window:
what is in force when a touch would begin is what counts.
"""

from cadenza.accounts import Accounts
from cadenza.calendars import Closed
from cadenza.clock import Clock
from cadenza.course import overdue
from cadenza.course.overdue import Late
from cadenza.course.results import Results
from workers.candidate import Candidate


def is_timely(candidate: Candidate, outcome: Results, accounts: Accounts, clock: Clock) -> bool:
    """Whether the touch may go now; else it is put off, or passed over, in `outcome`.

    Raises NoOpening if there is no later time for it.
    """
    touch, zone, now = candidate.touch, candidate.lives_as.time_zone, clock.now()
    late = overdue.when_late(
        candidate.cadence,
        touch.step,
        due_at=touch.due_at,
        now=now,
        zone=zone,
        calendar=candidate.calendar,
        standard=accounts.organisation.overdue,
    )
    if late is Late.SKIP:
        outcome.overdue.append((touch, candidate.enrollment.version_id))
        return False
    if late is Late.REFLOW:
        outcome.back.append(candidate.anew(now, overdue.REASON))
        return False
    if touch.window_end is not None and now >= touch.window_end:
        outcome.back.append(candidate.later(now, Closed.WINDOW))
        return False
    closed = _closed(candidate, clock)
    if closed is not None:
        outcome.back.append(candidate.anew(now, closed))
        return False
    return True


def _closed(candidate: Candidate, clock: Clock) -> Closed | None:
    if candidate.calendar is None:
        return None
    window = candidate.cadence.windows[candidate.touch.channel]
    own = candidate.account.window
    both = window if own is None else window.within(own)
    if both is None:
        return Closed.WINDOW
    return candidate.calendar.closed(
        both,
        candidate.touch.channel,
        clock.now(),
        candidate.lives_as.time_zone,
        service=candidate.cadence.service,
    )
