"""The place of a touch in its window, spread over what is left of the day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cadenza.calendars.moments import DAY, MINUTE, local_date, whole_minute, whole_second
from cadenza.calendars.windows import Window, opening
from cadenza.calendars.work_calendar import WorkCalendar
from cadenza.errors import CadenzaError
from cadenza.model import Channel

# A touch planned just before its window ends would fall out of it with the
# least delay in delivery.
TAIL_MARGIN = timedelta(minutes=30)

LONGEST_SEARCH = timedelta(days=400)


class NoOpening(CadenzaError):
    """A window does not open within a year. For people: what to look at."""

    def __init__(
        self, channel: Channel | None = None, calendar: WorkCalendar | None = None
    ) -> None:
        where = "-".join(p for p in (calendar.country, calendar.region) if p) if calendar else ""
        super().__init__(
            f"the window for {channel or 'this step'} does not open within a year"
            + (f" for prospects in {where}" if where else "")
            + ": compare the cadence's window with the account's, the legal hours and blackouts"
        )


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place in a window: when to act (whole seconds, UTC), and when the window really ends."""

    due_at: datetime
    window_end: datetime


def both_open(window: Window, other: Window | None) -> Window:
    """When both windows are open. Raises NoOpening if that is never for an hour."""
    both = window if other is None else window.within(other)
    if both is None:
        raise NoOpening()
    return both


def place(
    window: Window,
    zone: str,
    not_before: datetime,
    *,
    drawn: int,
    at_once: bool = False,
    calendar: WorkCalendar | None = None,
    channel: Channel = Channel.EMAIL,
    service: bool = False,
) -> Slot:
    """The place in `window` for something to do on `channel` from `not_before` on.

    It lies `drawn` / 2⁶⁴ of the way through what is left of the day's
    window, on a whole minute; with `at_once`, a moment inside the window
    is kept as it is, to the second up. Never later than the margin before
    the window's end: then the next day on which it opens. calendar: whose
    holidays, blackouts and legal hours count as well; None: none.
    Raises NoOpening.
    """
    day = local_date(not_before, zone)
    last = day + LONGEST_SEARCH
    while day <= last:
        hours = _hours(window, day, zone, calendar, channel, service=service)
        if hours:
            opens, closes = hours
            first = max(opens, not_before)
            if at_once and not_before >= opens:
                first, choices = whole_second(first), 1
            else:
                first = whole_minute(first)
                choices = (closes - TAIL_MARGIN - first) // MINUTE + 1
            if choices > 0 and first <= closes - TAIL_MARGIN:
                return Slot(due_at=first + (drawn * choices >> 64) * MINUTE, window_end=closes)
        day += DAY
    raise NoOpening(channel, calendar)


def _hours(
    window: Window,
    day: date,
    zone: str,
    calendar: WorkCalendar | None,
    channel: Channel,
    *,
    service: bool,
) -> tuple[datetime, datetime] | None:
    if calendar is None:
        return opening(window, day, zone)
    return calendar.opening(window, channel, day, zone, service=service)
