"""Whether a window can open at all, ever, somewhere."""

from collections.abc import Iterable, Sequence
from datetime import date

from cadenza.calendars.days import days_of
from cadenza.calendars.sms_hours import LawfulHours, all_rows, lawful_sms_hours
from cadenza.calendars.windows import SHORTEST_MINUTES, Window

# Any week will do: rules differ by weekday alone.
_WEEK = tuple(days_of(date(2026, 3, 2), date(2026, 3, 8)))


def ever_opens(window: Window, rules: Sequence[LawfulHours] = ()) -> bool:
    """Whether on some weekday it is open, and all rules allow it, for an hour at a time."""
    return any(_minutes(window, rules, day) >= SHORTEST_MINUTES for day in _WEEK)


def never_lawful(window: Window) -> Iterable[str]:
    """The places in which the law never lets marketing texts go in this window: `FR`, `US-TX`.

    A country stands for all its regions. Where a region is not known, all
    the country's rules hold; that is not asked here.
    """
    rows = all_rows()
    closed = [row.country for row in rows if row.region is None and not ever_opens(window, (row,))]
    yield from closed
    for row in rows:
        if row.region is not None and row.country not in closed:
            rules = lawful_sms_hours(row.country, row.region)
            if not ever_opens(window, rules):
                yield f"{row.country}-{row.region}"


def _minutes(window: Window, rules: Sequence[LawfulHours], day: date) -> int:
    if day.weekday() not in window.weekdays:
        return 0
    hours = [window, *(rule.on(day) for rule in rules)]
    if any(one is None for one in hours):
        return 0
    opens = max(one.opens for one in hours if one is not None)
    closes = min(one.closes for one in hours if one is not None)
    return closes - opens
