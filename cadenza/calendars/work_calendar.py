"""The calendar of the prospects of one place: holidays, days of work, and when a touch may go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from cadenza.calendars.days import MONDAY_TO_FRIDAY, DayCount, Days, Weekdays, days_of
from cadenza.calendars.moments import DAY, local_date
from cadenza.calendars.own import Blackout, OwnCalendar
from cadenza.calendars.public_holidays import public_holidays, weekend
from cadenza.calendars.sms_hours import LawfulHours
from cadenza.calendars.windows import Window, opening
from cadenza.model import Channel

REST = "the weekend there"


class Closed(StrEnum):
    """Why a touch may not go at a moment; the reason of its deferral."""

    WINDOW = "window"
    BLACKOUT = "blackout"
    HOLIDAY = "holiday"
    LEGAL_HOURS = "legal_hours"


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkCalendar:
    """What days and hours mean for the prospects of one place. Immutable; shared by all of them.

    country, region: ISO 3166, None where not known. own: calendars of the
    accounts file that are for this place. lawful: rules for marketing
    texts that all hold. zones: zones beside the prospect's own in which a
    window must be open too, where its zone is not certain. number: the
    place of the prospect's phone number where that is another country, with
    the zones that the number allows: its law on texts holds as well.
    Compared by identity: `Calendars` makes one per place.
    """

    country: str | None = None
    region: str | None = None
    own: tuple[OwnCalendar, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    lawful: tuple[LawfulHours, ...] = ()
    zones: tuple[str, ...] = ()
    number: "WorkCalendar | None" = None

    def holiday(self, day: date) -> str | None:
        """What the holiday of `day` is called; None if it is none.

        A day of the week that elsewhere is one of work, and is one of rest
        here, counts as one.
        """
        return _holidays(self, day.year).get(day) or self._rest(day)

    def counting(self, days: Days) -> DayCount:
        """How a cadence that counts `days` counts them here."""
        return days if days is Days.CALENDAR else BusinessDays(self)

    @property
    def weekdays(self) -> Weekdays:
        """The weekdays on which people work here."""
        return _weekdays(self)

    def _rest(self, day: date) -> str | None:
        weekday = day.weekday()
        if weekday in MONDAY_TO_FRIDAY.worked and weekday in _weekend(self):
            return None if any(day in own.worked for own in self.own) else REST
        return None

    def blackout(self, day: date, channel: Channel) -> Blackout | None:
        """The blackout that silences `channel` on `day`."""
        return next((b for b in self.blackouts if b.covers(day, channel)), None)

    def opening(
        self, window: Window, channel: Channel, day: date, zone: str, *, service: bool
    ) -> tuple[datetime, datetime] | None:
        """From when to when a touch may go on `day` (a date of `zone`), in UTC; None: not at all.

        service: texts about an order or claim, which the law on marketing does not bind.
        """
        return _opening(self, window, channel, day, zone, service=service)

    def closed(
        self, window: Window, channel: Channel, moment: datetime, zone: str, *, service: bool
    ) -> Closed | None:
        """Why a touch may not go at `moment`; None if it may."""
        day = local_date(moment, zone)
        if _contains(self.opening(window, channel, day, zone, service=service), moment):
            return None
        if not _contains(opening(window, day, zone), moment):
            return Closed.WINDOW
        if self.blackout(day, channel) is not None:
            return Closed.BLACKOUT
        if self.holiday(day) is not None and not window.on_holidays:
            return Closed.HOLIDAY
        if _contains(_opening(self, window, channel, day, zone, service=True), moment):
            return Closed.LEGAL_HOURS
        return Closed.WINDOW


@lru_cache(maxsize=4096)
def _weekdays(calendar: WorkCalendar) -> Weekdays:
    said = [own.weekdays for own in calendar.own if own.weekdays is not None]
    return Weekdays(said[-1] if said else frozenset(range(7)) - _weekend(calendar))


@lru_cache(maxsize=4096)
def _weekend(calendar: WorkCalendar) -> frozenset[int]:
    """When the country rests; nothing where a calendar of one's own says who works when."""
    if any(own.weekdays is not None for own in calendar.own):
        return frozenset()
    return weekend(calendar.country)


def _contains(hours: tuple[datetime, datetime] | None, moment: datetime) -> bool:
    return hours is not None and hours[0] <= moment < hours[1]


@dataclass(frozen=True, eq=False)
class BusinessDays:
    """Counts the weekdays of work that are no holidays."""

    calendar: WorkCalendar

    def add(self, day: date, count: int) -> date:
        """The `count`-th day after `day`; `day` itself for 0; below 0, before it."""
        return _added(self.calendar, day, count)

    def between(self, start: date, end: date) -> int:
        """How many days lie after `start` up to and with `end`; 0 if `end` is not later."""
        return _between(self.calendar, start, end) if end > start else 0

    def first(self, day: date) -> date:
        """`day`, or the next that counts."""
        works = day.weekday() in self.calendar.weekdays.worked
        return day if works and self.calendar.holiday(day) is None else self.add(day, 1)


# Few days and few places, asked for with every step of every enrollment.
@lru_cache(maxsize=65536)
def _added(calendar: WorkCalendar, day: date, count: int) -> date:
    weekdays, towards = calendar.weekdays, 1 if count >= 0 else -1
    while count:
        reached = weekdays.add(day, count)
        count = towards * _off_on_the_way(calendar, day, reached)
        day = reached
    return day


@lru_cache(maxsize=65536)
def _between(calendar: WorkCalendar, start: date, end: date) -> int:
    return calendar.weekdays.between(start, end) - _off_between(calendar, start, end)


def _off_on_the_way(calendar: WorkCalendar, start: date, end: date) -> int:
    """Holidays on weekdays of work from `start`, itself left out, to `end`, before or after."""
    if start <= end:
        return _off_between(calendar, start, end)
    return _off_between(calendar, end - DAY, start - DAY)


def _off_between(calendar: WorkCalendar, start: date, end: date) -> int:
    """Holidays on weekdays of work after `start` up to and with `end`."""
    return sum(
        1
        for year in range(start.year, end.year + 1)
        for day in _off_on_weekdays(calendar, year)
        if start < day <= end
    )


@lru_cache(maxsize=4096)
def _holidays(calendar: WorkCalendar, year: int) -> Mapping[date, str]:
    """All holidays of a year in this calendar."""
    found: dict[date, str] = {}
    if calendar.country and all(own.public_holidays for own in calendar.own):
        found.update(public_holidays(calendar.country, calendar.region, year))
    for own in calendar.own:
        for day in days_of(date(year, 1, 1), date(year, 12, 31)) if own.holidays else ():
            if name := own.holiday(day):
                found[day] = name
    worked = {day for own in calendar.own for day in own.worked}
    return {day: name for day, name in found.items() if day not in worked}


@lru_cache(maxsize=4096)
def _off_on_weekdays(calendar: WorkCalendar, year: int) -> Sequence[date]:
    worked = calendar.weekdays.worked
    return [day for day in _holidays(calendar, year) if day.weekday() in worked]


@lru_cache(maxsize=65536)
def _opening(
    calendar: WorkCalendar, window: Window, channel: Channel, day: date, zone: str, *, service: bool
) -> tuple[datetime, datetime] | None:
    if calendar.blackout(day, channel) is not None:
        return None
    holiday = calendar.holiday(day)
    if holiday is not None and not window.on_holidays:
        return None
    windows = [window]
    if channel is Channel.SMS and not service:
        for rule in calendar.lawful:
            lawful = rule.on(day)
            if lawful is None or (holiday is not None and not rule.on_holidays):
                return None
            windows.append(lawful)
    latest, earliest = None, None
    for every in windows:
        for where in (zone, *calendar.zones):
            hours = opening(every, day, where)
            if hours is None:
                return None
            latest = hours[0] if latest is None else max(latest, hours[0])
            earliest = hours[1] if earliest is None else min(earliest, hours[1])
    if latest is None or earliest is None or latest >= earliest:
        return None
    bound = calendar.number if channel is Channel.SMS and not service else None
    return (latest, earliest) if bound is None else _lawful_there(bound, day, latest, earliest)


def _lawful_there(
    there: WorkCalendar, day: date, opens: datetime, closes: datetime
) -> tuple[datetime, datetime] | None:
    """The longest part of these hours that the law of another place allows.

    Its day may be the one before or after: it may lie on the other side of the world.
    """
    parts = []
    for local in (day - DAY, day, day + DAY):
        hours = _lawful_on(there, local)
        if hours is None:
            continue
        part = max(opens, hours[0]), min(closes, hours[1])
        if part[0] < part[1]:
            parts.append(part)
    return max(parts, key=lambda part: part[1] - part[0], default=None)


@lru_cache(maxsize=65536)
def _lawful_on(there: WorkCalendar, day: date) -> tuple[datetime, datetime] | None:
    """The hours of `day` that every rule of a place allows in all of its zones."""
    found: list[tuple[datetime, datetime]] = []
    for rule in there.lawful:
        lawful = rule.on(day)
        if lawful is None or (not rule.on_holidays and there.holiday(day) is not None):
            return None
        for zone in there.zones:
            hours = opening(lawful, day, zone)
            if hours is None:
                return None
            found.append(hours)
    return max(hours[0] for hours in found), min(hours[1] for hours in found)
