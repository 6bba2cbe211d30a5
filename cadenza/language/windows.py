"""When a cadence may act: `window: {days: mon-fri, hours: "09:00-17:00", sms: {…}}`."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from cadenza.calendar import Window
from cadenza.language.fields import Fields
from cadenza.model import SENDING_CHANNELS, Channel

WINDOWED = (*SENDING_CHANNELS, Channel.TASK)
OFFICE_HOURS = Window(weekdays=frozenset(range(5)), opens=9 * 60, closes=17 * 60)

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)")
_SHORTEST_MINUTES = 60
_MIDNIGHT = 24 * 60

T = TypeVar("T")


def take_windows(cadence: Fields) -> Mapping[Channel, Window]:
    """Read `window`; office hours where it says nothing. What is wrong is reported."""
    fields = cadence.mapping("window")
    if fields is None:
        return dict.fromkeys(WINDOWED, OFFICE_HOURS)
    common = _take_window(fields, OFFICE_HOURS)
    windows = {}
    for channel in WINDOWED:
        own = fields.mapping(channel)
        windows[channel] = common if own is None else _take_window(own, common)
        if own is not None:
            own.done()
    fields.done()
    return windows


def _take_window(fields: Fields, otherwise: Window) -> Window:
    weekdays, hours = otherwise.weekdays, (otherwise.opens, otherwise.closes)
    days = fields.texts("days")
    if days:
        words = [word for text in days for word in re.split(r"[,\s]+", text.value) if word]
        weekdays = _checked(fields, "days", lambda: parse_weekdays(words), weekdays)
    text = fields.text("hours")
    if text:
        hours = _checked(fields, "hours", lambda: parse_hours(text.value), hours)
    return Window(weekdays=weekdays, opens=hours[0], closes=hours[1])


def _checked(fields: Fields, key: str, parse: Callable[[], T], otherwise: T) -> T:
    try:
        return parse()
    except ValueError as error:
        fields.problem(key, str(error))
        return otherwise


def parse_weekdays(words: Sequence[str]) -> frozenset[int]:
    """`mon-fri`, `sat` → numbers, 0 for Monday. Raises ValueError that says what to write."""
    found: set[int] = set()
    for word in words:
        ends = word.lower().split("-")
        if len(ends) > 2 or not set(ends) <= set(_WEEKDAYS):
            raise ValueError(f"`{word}` is no weekday; write for instance `mon-fri` or `sat`")
        first, last = _WEEKDAYS.index(ends[0]), _WEEKDAYS.index(ends[-1])
        found.update(day % 7 for day in range(first, last + (1 if last >= first else 8)))
    return frozenset(found)


def parse_hours(text: str) -> tuple[int, int]:
    """`09:00-17:00` → minutes since midnight. Raises ValueError that says what to write."""
    match = _HOURS.fullmatch(text.strip())
    if not match:
        raise ValueError(f"`{text}` are not hours; write for instance `09:00-17:00`")
    opens, closes = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
    if closes > _MIDNIGHT:
        raise ValueError(f"`{text}` ends after midnight; the latest end is `24:00`")
    if closes - opens < _SHORTEST_MINUTES:
        raise ValueError(f"`{text}` is too short; a window is at least an hour long")
    return opens, closes
