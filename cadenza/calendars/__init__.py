"""Days and hours: which day is N days on, and when something may be done, and for whom."""

from cadenza.calendars.days import DayCount, Days
from cadenza.calendars.moments import (
    at_local_time,
    draw,
    local_date,
    start_of_day,
    whole_minute,
    whole_second,
)
from cadenza.calendars.own import Blackout, OwnCalendar, WindowSetting
from cadenza.calendars.placing import TAIL_MARGIN, NoOpening, Slot, both_open, place
from cadenza.calendars.resolving import Calendars
from cadenza.calendars.windows import Window, opening
from cadenza.calendars.work_calendar import Closed, WorkCalendar

__all__ = [
    "TAIL_MARGIN",
    "Blackout",
    "Calendars",
    "Closed",
    "DayCount",
    "Days",
    "NoOpening",
    "OwnCalendar",
    "Slot",
    "Window",
    "WindowSetting",
    "WorkCalendar",
    "at_local_time",
    "both_open",
    "draw",
    "local_date",
    "opening",
    "place",
    "start_of_day",
    "whole_minute",
    "whole_second",
]
