"""Calendars and blackouts of one's own, as the accounts file has them."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cadenza.calendars.reading import parse_hours, parse_weekdays, words_of
from cadenza.calendars.windows import Window
from cadenza.model import SENDING_CHANNELS, Channel

LONGEST_BLACKOUT = timedelta(days=366)

_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_EACH_YEAR = re.compile(r"(\d{2})-(\d{2})")


def _place(value: Any) -> Any:
    if not isinstance(value, str) or not _PLACE.fullmatch(value.upper()):
        raise ValueError("write a country or region of ISO 3166, for instance FR or US-CA")
    return value.upper()


def _weekdays(value: Any) -> Any:
    words = value if isinstance(value, list) else words_of(str(value))
    days = parse_weekdays([str(word) for word in words])
    if not days:
        raise ValueError("write at least one weekday, for instance `mon-fri`")
    return days


def _window(value: Any) -> Any:
    """`{days: mon-fri, hours: "08:00-18:00"}`; what is left out does not bind."""
    if isinstance(value, Window):
        return value
    if not isinstance(value, dict) or not value or value.keys() - {"days", "hours"}:
        raise ValueError('write for instance `{days: mon-fri, hours: "08:00-18:00"}`')
    opens, closes = parse_hours(str(value["hours"])) if "hours" in value else (0, 1440)
    days = _weekdays(value["days"]) if "days" in value else frozenset(range(7))
    return Window(weekdays=days, opens=opens, closes=closes, on_holidays=True)


def _holidays(value: Any) -> Any:
    """A list of days, or days with names; `12-24` is that day of every year."""
    if isinstance(value, list):
        value = dict.fromkeys(value, "a day off")
    if not isinstance(value, dict):
        raise ValueError("write a list of days, or days with names")
    return {_day(day): str(name) for day, name in value.items()}


def _day(value: Any) -> str:
    text = str(value)
    try:
        # Of every year, or of one; 2000 had a 29th of February.
        day = date.fromisoformat(f"2000-{text}" if _EACH_YEAR.fullmatch(text) else text)
    except ValueError as error:
        raise ValueError(
            f'`{text}` is no day: write 2026-12-24, or "12-24" in quotes for every year'
        ) from error
    return text if _EACH_YEAR.fullmatch(text) else day.isoformat()


def _sending(value: Any) -> Any:
    if value not in SENDING_CHANNELS and value != Channel.TASK:
        raise ValueError(f"write {', '.join(SENDING_CHANNELS)} or task")
    return value


Place = Annotated[str, BeforeValidator(_place)]
WindowSetting = Annotated[Window, BeforeValidator(_window)]
_Channel = Annotated[Channel, BeforeValidator(_sending)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class OwnCalendar(_Strict):
    """Days off and days of work of one's own, for prospects in some places, or all.

    countries: countries and regions whose prospects it is for; empty: all.
    holidays: day (`2026-12-24`, or `12-24` of every year) → its name; these
    come on top of the public ones. worked: days that are no holidays here,
    whatever else says so. weekdays: those that count as business days, in
    place of Monday to Friday. public_holidays: whether the country's count.
    """

    name: str = ""
    countries: Sequence[Place] = ()
    holidays: Annotated[Mapping[str, str], BeforeValidator(_holidays)] = Field(default_factory=dict)
    worked: Sequence[date] = ()
    weekdays: Annotated[frozenset[int], BeforeValidator(_weekdays)] | None = None
    public_holidays: bool = True

    def is_for(self, country: str | None, region: str | None) -> bool:
        """Whether prospects there keep it."""
        return covers(self.countries, country, region)

    def holiday(self, day: date) -> str | None:
        """What this calendar calls `day`; None if it is no day off of its own."""
        return self.holidays.get(day.isoformat()) or self.holidays.get(f"{day:%m-%d}")


class Blackout(_Strict):
    """Days, in the prospect's zone, on which nothing leaves. Both ends are included.

    channels: empty: all. countries: as in `OwnCalendar`. reason: for people.
    """

    from_: date = Field(alias="from")
    to: date
    channels: Sequence[_Channel] = ()
    countries: Sequence[Place] = ()
    reason: Annotated[str, AfterValidator(str.strip)] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to < self.from_:
            raise ValueError("`to` lies before `from`: exchange them")
        if self.to - self.from_ > LONGEST_BLACKOUT:
            raise ValueError("is longer than a year: pause the cadences instead")
        return self

    def covers(self, day: date, channel: Channel) -> bool:
        """Whether `channel` is silent on `day`."""
        return self.from_ <= day <= self.to and (not self.channels or channel in self.channels)

    def is_for(self, country: str | None, region: str | None) -> bool:
        """Whether it holds for prospects there."""
        return covers(self.countries, country, region)


def covers(places: Sequence[str], country: str | None, region: str | None) -> bool:
    """Whether one of `places` is, or holds, this country or region. No places: everywhere."""
    return not places or country in places or f"{country}-{region}" in places
