"""Windows: the hours of the week at which something may be done, in local time."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from cadenza.calendars.moments import both_readings

SHORTEST_MINUTES = 60
"""Whatever is open for less is not worth planning for: see `placing.TAIL_MARGIN`."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """When a channel may act, in the prospect's local time.

    weekdays: 0 is Monday. opens, closes: minutes since midnight, closes
    up to 1440 (midnight); at least an hour apart. on_holidays: whether it
    is open on holidays too.
    """

    weekdays: frozenset[int]
    opens: int
    closes: int
    on_holidays: bool = False

    def within(self, other: "Window") -> "Window | None":
        """When both are open; None if that is never for an hour at a time."""
        weekdays = self.weekdays & other.weekdays
        opens, closes = max(self.opens, other.opens), min(self.closes, other.closes)
        if not weekdays or closes - opens < SHORTEST_MINUTES:
            return None
        return Window(
            weekdays=weekdays,
            opens=opens,
            closes=closes,
            on_holidays=self.on_holidays and other.on_holidays,
        )


@lru_cache(maxsize=16384)
def opening(window: Window, day: date, zone: str) -> tuple[datetime, datetime] | None:
    """From when to when `window` is open on `day`, in UTC; None if it is not.

    Every moment in between has a local time inside the window: where a
    clock change repeats or skips the hour of an edge, the narrower reading
    counts.
    """
    if day.weekday() not in window.weekdays:
        return None
    opens = max(both_readings(day, window.opens, zone))
    closes = min(both_readings(day, window.closes, zone))
    return (opens, closes) if opens < closes else None
