"""Which day is N days on: every day, or those on which people work."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from cadenza.calendars.moments import DAY


class DayCount(Protocol):
    """A way to count days."""

    def add(self, day: date, count: int) -> date:
        """The `count`-th day after `day`; `day` itself for 0; below 0, before it."""
        ...

    def between(self, start: date, end: date) -> int:
        """How many days lie after `start` up to and with `end`; 0 if `end` is not later."""
        ...

    def first(self, day: date) -> date:
        """`day`, or the next that counts."""
        ...


@dataclass(frozen=True)
class Weekdays:
    """A way to count days in which some weekdays do not count. worked: 0 is Monday; not empty."""

    worked: frozenset[int]

    @cached_property
    def _order(self) -> tuple[int, ...]:
        return tuple(sorted(self.worked))

    def add(self, day: date, count: int) -> date:
        """The `count`-th day after `day`; `day` itself for 0; below 0, before it."""
        if count == 0:
            return day
        before = self._until(day) - 1 if count > 0 else self._until(day - DAY)
        weeks, nth = divmod(before + count, len(self._order))
        return date.fromordinal(7 * weeks + self._order[nth] + 1)

    def between(self, start: date, end: date) -> int:
        """How many days lie after `start` up to and with `end`; 0 if `end` is not later."""
        return max(0, self._until(end) - self._until(start))

    def first(self, day: date) -> date:
        """`day`, or the next that counts."""
        return day if day.weekday() in self.worked else self.add(day, 1)

    def _until(self, day: date) -> int:
        """Days that count from 0001-01-01, a Monday, up to and with `day`."""
        weeks, rest = divmod(day.toordinal(), 7)
        return len(self._order) * weeks + sum(1 for weekday in self._order if weekday < rest)


MONDAY_TO_FRIDAY = Weekdays(frozenset(range(5)))


class Days(StrEnum):
    """What counts as a day where no holidays are known: Monday to Friday, or every day."""

    BUSINESS = "business"
    CALENDAR = "calendar"

    def add(self, day: date, count: int) -> date:
        """The `count`-th day after `day`; `day` itself for 0; below 0, before it."""
        if self is Days.CALENDAR:
            return day + count * DAY
        return MONDAY_TO_FRIDAY.add(day, count)

    def between(self, start: date, end: date) -> int:
        """How many days lie after `start` up to and with `end`; 0 if `end` is not later."""
        if self is Days.CALENDAR:
            return max(0, (end - start).days)
        return MONDAY_TO_FRIDAY.between(start, end)

    def first(self, day: date) -> date:
        """`day`, or the next that counts."""
        return day if self is Days.CALENDAR else MONDAY_TO_FRIDAY.first(day)

    def in_week(self) -> int:
        """How many days a week has."""
        return 5 if self is Days.BUSINESS else 7


def days_of(first: date, last: date) -> Iterable[date]:
    """The days from `first` to `last`, both included."""
    return (date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1))
