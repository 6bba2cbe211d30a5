"""How far apart things are: gaps in days or hours, and the day on which a step stands."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cadenza.abc import Standing
from cadenza.calendars import (
    DayCount,
    Days,
    at_local_time,
    local_date,
    start_of_day,
    whole_second,
)
from cadenza.language.fields import Fields
from cadenza.language.source import did_you_mean

LONGEST_DAYS = 730

_GAP = re.compile(r"(\d{1,4})\s+([a-z]+)")
_CLOCK_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_DAY_UNITS = ("day", "week")


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A distance in days, as the cadence counts them, or in hours and minutes of the clock."""

    days: int = 0
    clock: timedelta = timedelta()

    @property
    def takes_time(self) -> bool:
        """Whether it is more than nothing."""
        return bool(self.days or self.clock)

    def day_after(self, moment: datetime, days: DayCount, zone: str) -> datetime:
        """`moment` plus the gap; gaps in days end as their last day begins, leaving it whole."""
        if not self.days:
            return moment + self.clock
        return start_of_day(days.add(local_date(moment, zone), self.days), zone)

    def exactly_after(self, moment: datetime, days: DayCount, zone: str) -> datetime:
        """`moment` plus the gap; gaps in days end at the same local time of day."""
        if not self.days:
            return whole_second(moment + self.clock)
        return at_local_time(days.add(local_date(moment, zone), self.days), moment, zone)


def parse_gap(text: str, days: Days) -> Gap:
    """`2 days`, `1 week`, `3 hours`. Raises ValueError that says what to write."""
    match = _GAP.fullmatch(text.strip())
    if not match:
        raise ValueError(f"`{text}` is not a span of time; write for instance `2 days`")
    count, unit = int(match[1]), match[2].removesuffix("s")
    if unit in _CLOCK_UNITS:
        gap = Gap(clock=count * _CLOCK_UNITS[unit])
    elif unit in _DAY_UNITS:
        gap = Gap(days=count * (days.in_week() if unit == "week" else 1))
    else:
        units = [*_CLOCK_UNITS, *_DAY_UNITS]
        raise ValueError(
            f"`{match[2]}` is not a unit of time{did_you_mean(unit, units)}; "
            "write minutes, hours, days or weeks"
        )
    if gap.days + gap.clock.days > LONGEST_DAYS:
        raise ValueError(f"`{text}` is too long; the longest is {LONGEST_DAYS} days")
    return gap


def take_gap(fields: Fields, key: str, days: Days) -> Gap | None:
    """The gap under `key`; None if there is none, or a wrong one, which is then reported."""
    text = fields.text(key)
    if text is None:
        return None
    try:
        return parse_gap(text.value, days)
    except ValueError as error:
        fields.problem(key, str(error))
        return None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a step is due: on a day of the cadence, a gap after the step before, or at once.

    At most one of the two is set.
    """

    day: int | None = None
    after: Gap | None = None

    KEYS = frozenset({"day", "after"})

    @classmethod
    def take(cls, fields: Fields, days: Days) -> "Timing":
        """Read `day` and `after`, and report what is wrong with them."""
        day = fields.number("day", 1, LONGEST_DAYS)
        after = take_gap(fields, "after", days)
        if day is not None and after is not None:
            fields.problem("after", "`day` and `after` exclude each other; keep one of the two")
        return cls(day=day, after=after)

    def due(self, standing: Standing) -> tuple[datetime, int]:
        """From when on the step may act, and which day of the cadence that is by the plan.

        Counted from when the step before was really completed, so that
        one that was late pushes this one on, and no gap gets shorter.
        """
        state, days, zone = standing.state, standing.days, standing.profile.time_zone
        if self.day is not None:
            today = local_date(state.reached_at, zone)
            first = days.first(today) if state.reached_at == state.started_at else today
            target = days.add(first, max(0, self.day - state.reached_day))
            if target == today:
                return state.reached_at, self.day
            return start_of_day(target, zone), self.day
        if self.after is not None:
            moment = self.after.day_after(state.reached_at, days, zone)
            passed = days_passed(days, state.reached_at, moment, zone)
            return moment, state.reached_day + passed
        return state.reached_at, state.reached_day


def days_passed(days: DayCount, start: datetime, end: datetime, zone: str) -> int:
    """How many days of the cadence lie between two moments, counted in dates of `zone`."""
    return days.between(local_date(start, zone), local_date(end, zone))
