"""Judges whether a touch began at an hour that was open, by what was in force then."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cadenza.calendars import Closed, Window, WorkCalendar, local_date, opening
from cadenza.calendars.resolving import country_of
from cadenza.calendars.zones import zones_by_number
from cadenza.model import Channel
from cadenza.storage.audit import Judged
from cadenza.storage.calendars_in_force import InForce

# Processes that are restarted with a new accounts file come up one after the other.
_CHANGING = timedelta(minutes=15)
_MOMENT = timedelta(microseconds=1)

RULES: Mapping[Closed, str] = {
    Closed.WINDOW: "outside_window",
    Closed.HOLIDAY: "on_holiday",
    Closed.BLACKOUT: "in_blackout",
    Closed.LEGAL_HOURS: "unlawful_hour",
}


UNCLEAR = "unclear"
"""The ledger cannot tell: its prospect lives elsewhere today, or other tables were in use."""


def _by_whose_hours(touch: Judged) -> Judged:
    """As if its prospect lived where a text to a party went (`recipients.by_whose_hours`)."""
    if touch.party is None or touch.channel is not Channel.SMS:
        return touch
    zones = zones_by_number(touch.recipient, touch.time_zone)
    return replace(
        touch,
        time_zone=zones[0],
        country=country_of(touch.recipient) or touch.country,
        phone=touch.recipient,
        region=None,
        possible_zones=" ".join(zones[1:]),
    )


class WindowJudge:
    """Judges touches. in_force: all that ever was, the oldest first, at least one."""

    def __init__(self, in_force: Sequence[InForce]) -> None:
        self._in_force = in_force
        self._since = [one.since for one in in_force]

    def judge(
        self, touch: Judged, began_at: datetime, window: Window, *, service: bool
    ) -> str | None:
        """The rule that a touch breaks, or UNCLEAR; None if it breaks none.

        Around a change both what was and what is may have been in force: it
        has to break both.
        """
        touch = _by_whose_hours(touch)
        found: Closed | None = None
        candidates = self._then(began_at)
        for then in candidates:
            both, calendar = self._of(then, touch, window)
            if both is None:
                found = found or Closed.WINDOW
                continue
            closed = calendar.closed(
                both, touch.channel, began_at, touch.time_zone, service=service
            )
            if closed is None:
                return None
            found = found or closed
        if found is None:
            return None
        is_certain = found in (Closed.WINDOW, Closed.BLACKOUT) or all(
            then.is_certain for then in candidates
        )
        if is_certain and self._is_of_this_zone(touch, window, candidates, service=service):
            return RULES[found]
        return UNCLEAR

    def _then(self, moment: datetime) -> Sequence[InForce]:
        first = max(1, bisect_right(self._since, moment - _CHANGING))
        last = max(first, bisect_right(self._since, moment))
        return self._in_force[first - 1 : last]

    @staticmethod
    def _of(then: InForce, touch: Judged, window: Window) -> tuple[Window | None, WorkCalendar]:
        own = then.windows.get(touch.account)
        calendar = then.calendars.where(
            touch.country,
            touch.phone,
            touch.time_zone,
            region=touch.region,
            zones=(touch.possible_zones or "").split(),
        )
        return (window if own is None else window.within(own)), calendar

    def _is_of_this_zone(
        self, touch: Judged, window: Window, candidates: Sequence[InForce], *, service: bool
    ) -> bool:
        """Whether the touch was planned in the zone that its prospect has today.

        What it was planned into then ends when a window closes there.
        """
        if touch.window_end is None:
            return True
        zone = touch.time_zone
        day = local_date(touch.window_end - _MOMENT, zone)
        hours = [opening(window, day, zone)]
        for then in candidates:
            both, calendar = self._of(then, touch, window)
            if both is not None:
                hours.append(opening(both, day, zone))
                hours.append(calendar.opening(both, touch.channel, day, zone, service=service))
        return any(opened is not None and opened[1] == touch.window_end for opened in hours)
