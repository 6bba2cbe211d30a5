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

DAY = timedelta(days=1)
BUSINESS_WEEK = 5
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
            return day + timedelta(days=count)
        weeks, rest = divmod(count, BUSINESS_WEEK)
        # From a weekend the first day on is Monday, as it is from Friday.
        start = day - timedelta(days=max(0, day.weekday() - 4))
        over_weekend = 2 if start.weekday() + rest >= SATURDAY else 0
        return start + timedelta(weeks=weeks, days=rest + over_weekend)

    def between(self, start: date, end: date) -> int:
        """How many days `end` is after `start`: the largest n with add(start, n) <= end, or 0."""
        days = (end - start).days
        if days <= 0:
            return 0
        if self is Days.CALENDAR:
            return days
        first = start - timedelta(days=max(0, start.weekday() - 4))
        last = end - timedelta(days=max(0, end.weekday() - 4))
        weeks, rest = divmod((last - first).days, 7)
        return weeks * BUSINESS_WEEK + (rest if rest < BUSINESS_WEEK else rest - 2) - (
            2 if rest < BUSINESS_WEEK and last.weekday() < first.weekday() else 0
        )

    def first(self, day: date) -> date:
        """`day`, or the next that counts."""
        if self is Days.CALENDAR or day.weekday() < SATURDAY:
            return day
        return day + timedelta(days=7 - day.weekday())
