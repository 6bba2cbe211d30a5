"""Calendars and windows for tests."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from cadenza.calendars import Blackout, Calendars, OwnCalendar, Window

OFFICE = Window(weekdays=frozenset(range(5)), opens=9 * 60, closes=17 * 60)
ALWAYS = Window(weekdays=frozenset(range(7)), opens=0, closes=1440, on_holidays=True)


def calendars(own: Sequence[Any] = (), blackouts: Sequence[Any] = ()) -> Calendars:
    """As the accounts file would have them."""
    return Calendars(
        own=[OwnCalendar.model_validate(entry) for entry in own],
        blackouts=[Blackout.model_validate(entry) for entry in blackouts],
    )


def blackout(first: date, last: date, **more: Any) -> dict[str, Any]:
    """An entry under `blackouts`."""
    return {"from": first, "to": last, "reason": "a test", **more}
