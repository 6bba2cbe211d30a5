"""Whatever the place, its holidays, clock changes and windows: nothing goes where it may not."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cadenza.calendars import (
    TAIL_MARGIN,
    Calendars,
    Days,
    NoOpening,
    Slot,
    Window,
    WorkCalendar,
    local_date,
    place,
)
from cadenza.calendars.ever import ever_opens
from cadenza.calendars.work_calendar import REST
from cadenza.model import SENDING_CHANNELS, Channel
from tests.cadenza.calendars.places import blackout, calendars

# Zones that change their clocks at odd times and by odd amounts, and their countries.
PLACES = [
    ("Europe/Paris", "FR", None),
    ("Europe/Berlin", "DE", "BY"),
    ("Europe/London", "GB", "SCT"),
    ("America/New_York", "US", "NY"),
    ("America/New_York", "US", "FL"),
    ("America/Chicago", "US", "TX"),
    ("America/Los_Angeles", "US", None),
    ("America/Havana", "CU", None),
    ("America/Santiago", "CL", None),
    ("America/St_Johns", "CA", "NL"),
    ("Australia/Lord_Howe", "AU", "NSW"),
    ("Pacific/Auckland", "NZ", None),
    ("Pacific/Chatham", "NZ", None),
    ("Africa/Cairo", "EG", None),
    ("Africa/Casablanca", "MA", None),
    ("Asia/Kolkata", "IN", "KA"),
    ("Asia/Dubai", "AE", None),
    ("Asia/Beirut", "LB", None),
    ("Antarctica/Troll", "NO", None),
    ("UTC", None, None),
]
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 12, 1, tzinfo=UTC)

# The first look at a place reads its tables of holidays and zones.
unhurried = settings(deadline=None)

moments = st.datetimes(
    FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)
)
draws = st.integers(0, 2**64 - 1)
channels = st.sampled_from([*SENDING_CHANNELS, Channel.TASK])


@st.composite
def windows(draw: st.DrawFn) -> Window:
    opens = draw(st.integers(0, 23 * 4)) * 15
    return Window(
        weekdays=frozenset(draw(st.sets(st.integers(0, 6), min_size=1))),
        opens=opens,
        closes=draw(st.integers(opens // 15 + 4, 24 * 4)) * 15,
        on_holidays=draw(st.booleans()),
    )


@st.composite
def some_calendars(draw: st.DrawFn) -> Calendars:
    first = draw(st.dates(date(2026, 1, 1), date(2028, 12, 1)))
    last = first + timedelta(days=draw(st.integers(0, 20)))
    entries = draw(
        st.sampled_from(
            [
                [],
                [blackout(first, last)],
                [blackout(first, last, channels=["email"])],
                [blackout(first, last, countries=["FR", "US-FL"])],
            ]
        )
    )
    own = draw(st.sampled_from([[], [{"holidays": ["12-24", str(first)]}]]))
    return calendars(own, entries)


def only_rests(calendar: WorkCalendar, window: Window) -> bool:
    """Whether it is open on nothing but the weekend there."""
    week = (date(2026, 8, 17) + timedelta(days=n) for n in range(7))
    open_days = [day for day in week if day.weekday() in window.weekdays]
    return not window.on_holidays and all(calendar.holiday(day) == REST for day in open_days)


def is_lawful(calendar: WorkCalendar, moment: datetime, zone: str) -> bool:
    """Said once more, in local time and without the calendar's own arithmetic."""
    local = moment.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    for rule in calendar.lawful:
        if calendar.holiday(local.date()) is not None and not rule.on_holidays:
            return False
        if not any(
            local.weekday() in window.weekdays and window.opens <= minute < window.closes
            for window in rule.windows
        ):
            return False
    return True


@unhurried
@given(
    st.sampled_from(PLACES), some_calendars(), windows(), channels, moments, draws,
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_nothing_is_placed_outside_its_window_on_a_day_off_or_at_an_unlawful_hour(
    where: tuple[str, str | None, str | None],
    places: Calendars,
    window: Window,
    channel: Channel,
    not_before: datetime,
    drawn: int,
    at_once: bool,
    service: bool,
) -> None:
    zone, country, region = where
    calendar = places.at(country, region)
    is_bound = channel is Channel.SMS and not service
    assume(ever_opens(window, calendar.lawful if is_bound else ()))
    assume(not only_rests(calendar, window))

    slot = place(
        window, zone, not_before, drawn=drawn, at_once=at_once,
        calendar=calendar, channel=channel, service=service,
    )  # fmt: skip

    assert slot.due_at >= not_before
    assert slot.due_at.microsecond == 0
    assert slot.due_at <= slot.window_end - TAIL_MARGIN
    last = slot.window_end - timedelta(seconds=1)
    for moment in (slot.due_at, slot.due_at + (last - slot.due_at) / 2, last):
        local = moment.astimezone(ZoneInfo(zone))
        minute = local.hour * 60 + local.minute
        assert local.weekday() in window.weekdays
        assert window.opens <= minute < window.closes
        assert calendar.blackout(local.date(), channel) is None
        assert window.on_holidays or calendar.holiday(local.date()) is None
        assert not is_bound or is_lawful(calendar, moment, zone)
        assert calendar.closed(window, channel, moment, zone, service=service) is None


@unhurried
@given(st.sampled_from(PLACES), windows(), channels, moments, draws)
def test_the_first_opening_that_is_long_enough_is_taken(
    where: tuple[str, str | None, str | None],
    window: Window,
    channel: Channel,
    not_before: datetime,
    drawn: int,
) -> None:
    zone, country, region = where
    calendar = calendars().at(country, region)
    slot = _placed(window, zone, not_before, drawn, calendar, channel)
    assume(slot is not None)
    assert slot is not None
    day, last = local_date(not_before, zone), local_date(slot.due_at, zone)
    while day < last:
        hours = calendar.opening(window, channel, day, zone, service=False)
        if hours is not None:
            left = hours[1] - max(hours[0], not_before)
            assert left < TAIL_MARGIN + timedelta(minutes=1)
        day += timedelta(days=1)


@unhurried
@given(st.sampled_from(PLACES), windows(), channels, moments, draws)
def test_a_place_is_found_unless_window_and_law_never_meet(
    where: tuple[str, str | None, str | None],
    window: Window,
    channel: Channel,
    not_before: datetime,
    drawn: int,
) -> None:
    zone, country, region = where
    calendar = calendars().at(country, region)
    slot = _placed(window, zone, not_before, drawn, calendar, channel)
    rules = calendar.lawful if channel is Channel.SMS else ()
    never = not ever_opens(window, rules) or only_rests(calendar, window)
    assert slot is not None or never


def _placed(
    window: Window,
    zone: str,
    not_before: datetime,
    drawn: int,
    calendar: WorkCalendar,
    channel: Channel,
) -> Slot | None:
    try:
        return place(window, zone, not_before, drawn=drawn, calendar=calendar, channel=channel)
    except NoOpening:
        return None


@unhurried
@given(
    st.sampled_from(PLACES),
    some_calendars(),
    st.dates(date(2026, 1, 1), date(2028, 6, 1)),
    st.integers(1, 60),
)
def test_business_days_come_back_to_where_they_began(
    where: tuple[str, str | None, str | None], places: Calendars, day: date, count: int
) -> None:
    _, country, region = where
    calendar = places.at(country, region)
    days = calendar.counting(Days.BUSINESS)

    later = days.add(day, count)

    assert later > day
    assert days.between(day, later) == count
    assert days.first(later) == later
    assert calendar.holiday(later) is None
    assert later.weekday() in calendar.weekdays.worked
    assert days.add(days.first(day), 0) == days.first(day)
    assert days.add(later, -count) <= days.first(day)
    assert days.between(days.add(later, -count), later) == count
