"""Days and hours: which day is N days on, and when the window of a channel is open.

All of it is computed in the prospect's zone and handed out in UTC, so
that clock changes neither move a touch out of its window nor lose a day.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from cadenza.timespec import zone_info

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SATURDAY = 5

# A touch planned just before its window ends would fall out of it with the
# least delay in delivery.
TAIL_MARGIN = timedelta(minutes=30)


class Days(StrEnum):
    """What counts as a day: Monday to Friday, or every day."""

    BUSINESS = "business"
    CALENDAR = "calendar"

    def add(self, day: date, count: int) -> date:
        """The `count`-th day after `day`; `day` itself for 0, whatever day it is."""
        if self is Days.CALENDAR or count == 0:
            return day + count * DAY
        weeks, weekday = divmod(_business_days_until(day) + count - 1, 5)
        return date.fromordinal(7 * weeks + weekday + 1)

    def between(self, start: date, end: date) -> int:
        """How many days lie after `start` up to and with `end`; 0 if `end` is not later."""
        if end <= start:
            return 0
        if self is Days.CALENDAR:
            return (end - start).days
        return _business_days_until(end) - _business_days_until(start)

    def first(self, day: date) -> date:
        """`day`, or the next that counts."""
        return day if day.weekday() < SATURDAY or self is Days.CALENDAR else self.add(day, 1)

    def in_week(self) -> int:
        """How many days a week has."""
        return 5 if self is Days.BUSINESS else 7


def _business_days_until(day: date) -> int:
    """Business days from 0001-01-01, a Monday, up to and with `day`."""
    weeks, rest = divmod(day.toordinal(), 7)
    return 5 * weeks + min(rest, 5)


@dataclass(frozen=True, kw_only=True)
class Window:
    """When a channel may act, in the prospect's local time.

    weekdays: 0 is Monday. opens, closes: minutes since midnight, closes
    up to 1440 (midnight); at least an hour apart.
    """

    weekdays: frozenset[int]
    opens: int
    closes: int


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place in a window: when to act (whole seconds, UTC), and when the window really ends."""

    due_at: datetime
    window_end: datetime


def local_date(moment: datetime, zone: str) -> date:
    """The date of `moment` in `zone`."""
    return moment.astimezone(zone_info(zone)).date()


@lru_cache(maxsize=16384)
def start_of_day(day: date, zone: str) -> datetime:
    """The first moment of `day` in `zone`, in UTC."""
    # Of a midnight that comes twice the first is meant; one that a clock
    # change skips is read by the old offset, which is the first moment after it.
    return datetime.combine(day, time.min, zone_info(zone)).astimezone(UTC)


def at_local_time(day: date, moment: datetime, zone: str) -> datetime:
    """The local time of day that `moment` has in `zone`, on `day`; in UTC, whole seconds up."""
    clock_time = moment.astimezone(zone_info(zone)).time().replace(fold=0)
    return whole_second(datetime.combine(day, clock_time, zone_info(zone)).astimezone(UTC))


def whole_second(moment: datetime) -> datetime:
    """`moment`, or the next whole second."""
    return moment.replace(microsecond=0) + SECOND if moment.microsecond else moment


def _whole_minute(moment: datetime) -> datetime:
    if moment.second or moment.microsecond:
        return moment.replace(second=0, microsecond=0) + MINUTE
    return moment


@lru_cache(maxsize=16384)
def opening(window: Window, day: date, zone: str) -> tuple[datetime, datetime] | None:
    """From when to when `window` is open on `day`, in UTC; None if it is not.

    Every moment in between has a local time inside the window: where a
    clock change repeats or skips the hour of an edge, the narrower reading
    counts.
    """
    if day.weekday() not in window.weekdays:
        return None
    opens = max(_readings(day, window.opens, zone))
    closes = min(_readings(day, window.closes, zone))
    return (opens, closes) if opens < closes else None


def _readings(day: date, minute: int, zone: str) -> tuple[datetime, datetime]:
    """Both readings of a local time; they differ only around a clock change (PEP 495)."""
    days, minute = divmod(minute, 1440)
    clock_time = time(*divmod(minute, 60))
    local = datetime.combine(day + days * DAY, clock_time, zone_info(zone))
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def draw(*seed: str | int) -> int:
    """A number from 0 to 2⁶⁴ - 1, fixed by `seed` on every machine."""
    text = "\0".join(str(part) for part in seed)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def place(
    window: Window, zone: str, not_before: datetime, *, drawn: int, at_once: bool = False
) -> Slot:
    """The place in `window` for something to do from `not_before` on.

    It lies `drawn` / 2⁶⁴ of the way through what is left of the day's
    window, on a whole minute; with `at_once`, a moment inside the window
    is kept as it is, to the second up. Never later than the margin before
    the window's end: then the next day on which it opens.
    """
    day = local_date(not_before, zone)
    while True:
        hours = opening(window, day, zone)
        if hours:
            opens, closes = hours
            first = max(opens, not_before)
            if at_once and not_before >= opens:
                first, choices = whole_second(first), 1
            else:
                first = _whole_minute(first)
                choices = (closes - TAIL_MARGIN - first) // MINUTE + 1
            if choices > 0 and first <= closes - TAIL_MARGIN:
                return Slot(due_at=first + (drawn * choices >> 64) * MINUTE, window_end=closes)
        day += DAY
