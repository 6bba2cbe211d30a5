"""When a cadence may act: `window: {days: mon-fri, hours: "09:00-17:00", sms: {…}}`.

Windows are closed on holidays unless they say `holidays: open`. Webhooks
reach no person: they go at any hour of any day unless `window` has a
`webhook` of its own.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from cadenza.calendars import Window
from cadenza.calendars.reading import parse_hours, parse_weekdays, words_of
from cadenza.language.fields import Fields
from cadenza.model import SENDING_CHANNELS, Channel

WINDOWED = (*SENDING_CHANNELS, Channel.TASK)
OFFICE_HOURS = Window(weekdays=frozenset(range(5)), opens=9 * 60, closes=17 * 60)
ANY_HOUR = Window(weekdays=frozenset(range(7)), opens=0, closes=24 * 60, on_holidays=True)

T = TypeVar("T")


def take_windows(cadence: Fields) -> Mapping[Channel, Window]:
    """Read `window`; office hours where it says nothing. What is wrong is reported."""
    fields = cadence.mapping("window")
    if fields is None:
        return {**dict.fromkeys(WINDOWED, OFFICE_HOURS), Channel.WEBHOOK: ANY_HOUR}
    common = _take_window(fields, OFFICE_HOURS)
    windows = {}
    for channel in WINDOWED:
        own = fields.mapping(channel)
        usual = ANY_HOUR if channel is Channel.WEBHOOK else common
        windows[channel] = usual if own is None else _take_window(own, usual)
        if own is not None:
            own.done()
    fields.done()
    return windows


def _take_window(fields: Fields, otherwise: Window) -> Window:
    weekdays, hours = otherwise.weekdays, (otherwise.opens, otherwise.closes)
    days = fields.texts("days")
    if days:
        words = [word for text in days for word in words_of(text.value)]
        weekdays = _checked(fields, "days", lambda: parse_weekdays(words), weekdays)
    text = fields.text("hours")
    if text:
        hours = _checked(fields, "hours", lambda: parse_hours(text.value), hours)
    said = fields.choice("holidays", ("open", "closed"))
    return Window(
        weekdays=weekdays,
        opens=hours[0],
        closes=hours[1],
        on_holidays=otherwise.on_holidays if said is None else said == "open",
    )


def _checked(fields: Fields, key: str, parse: Callable[[], T], otherwise: T) -> T:
    try:
        return parse()
    except ValueError as error:
        fields.problem(key, str(error))
        return otherwise
