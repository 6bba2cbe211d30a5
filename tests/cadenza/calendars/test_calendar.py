from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadenza.calendars import (
    TAIL_MARGIN,
    Days,
    Window,
    draw,
    local_date,
    opening,
    place,
    start_of_day,
    whole_second,
)

OFFICE = Window(weekdays=frozenset(range(5)), opens=9 * 60, closes=17 * 60)
ZONES = [
    "Europe/Paris",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Africa/Cairo",
    "UTC",
]

dates = st.dates(date(2026, 1, 1), date(2028, 12, 31))
moments = st.integers(0, 3 * 365 * 86400 * 10**6).map(
    lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
)
windows = st.builds(
    lambda weekdays, opens, length: Window(
        weekdays=weekdays, opens=opens, closes=min(1440, opens + length)
    ),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1380),
    st.integers(60, 1440),
)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 3, 2), 1, date(2026, 3, 3)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),
        (date(2026, 3, 7), 1, date(2026, 3, 9)),
        (date(2026, 3, 8), 0, date(2026, 3, 8)),
        (date(2026, 3, 8), 5, date(2026, 3, 13)),
        (date(2026, 3, 4), 10, date(2026, 3, 18)),
    ],
)
def test_business_days_skip_weekends(day: date, count: int, expected: date) -> None:
    assert Days.BUSINESS.add(day, count) == expected


@given(day=dates, count=st.integers(0, 300))
def test_business_days_agree_with_counting_one_by_one(day: date, count: int) -> None:
    expected, left = day, count
    while left:
        expected += timedelta(days=1)
        left -= expected.weekday() < 5
    assert Days.BUSINESS.add(day, count) == expected
    assert Days.BUSINESS.between(day, expected) == count


@given(day=dates)
def test_first_business_day_is_today_or_monday(day: date) -> None:
    first = Days.BUSINESS.first(day)
    assert first.weekday() < 5
    assert first == day if day.weekday() < 5 else first.weekday() == 0
    assert Days.CALENDAR.first(day) == day


@given(start=dates, end=dates)
def test_no_days_lie_between_a_day_and_an_earlier_one(start: date, end: date) -> None:
    for days in Days:
        assert (days.between(start, end) > 0) <= (end > start)


@given(day=dates, zone=st.sampled_from(ZONES))
def test_day_begins_with_its_first_moment(day: date, zone: str) -> None:
    begin = start_of_day(day, zone)
    assert local_date(begin, zone) == day
    assert local_date(begin - timedelta(microseconds=1), zone) < day


@given(window=windows, day=dates, zone=st.sampled_from(ZONES), part=st.floats(0, 1))
def test_every_moment_of_an_opening_is_inside_by_the_clock_on_the_wall(
    window: Window, day: date, zone: str, part: float
) -> None:
    hours = opening(window, day, zone)
    if hours is None:
        return
    opens, closes = hours
    moment = opens + (closes - opens) * part
    if moment == closes:
        return
    wall = moment.astimezone(ZoneInfo(zone))
    assert wall.date() == day
    assert wall.weekday() in window.weekdays
    assert window.opens <= wall.hour * 60 + wall.minute < window.closes


def test_window_whose_edge_is_skipped_by_a_clock_change_is_read_narrowly() -> None:
    # Paris, 29 March 2026: 02:00 is followed by 03:00.
    early = Window(weekdays=frozenset({6}), opens=60, closes=150)
    late = Window(weekdays=frozenset({6}), opens=150, closes=300)
    day = date(2026, 3, 29)
    assert opening(early, day, "Europe/Paris") == (
        datetime(2026, 3, 29, 0, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    )
    assert opening(late, day, "Europe/Paris") == (
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 3, 0, tzinfo=UTC),
    )


def test_window_whose_edge_comes_twice_is_read_narrowly() -> None:
    # Paris, 25 October 2026: 03:00 is followed by 02:00.
    early = Window(weekdays=frozenset({6}), opens=60, closes=150)
    late = Window(weekdays=frozenset({6}), opens=150, closes=300)
    day = date(2026, 10, 25)
    assert opening(early, day, "Europe/Paris") == (
        datetime(2026, 10, 24, 23, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    )
    assert opening(late, day, "Europe/Paris") == (
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 4, 0, tzinfo=UTC),
    )


@given(
    window=windows,
    zone=st.sampled_from(ZONES),
    not_before=moments,
    drawn=st.integers(0, 2**64 - 1),
    at_once=st.booleans(),
)
def test_place_is_inside_the_window_with_its_margin_and_not_too_early(
    window: Window, zone: str, not_before: datetime, drawn: int, at_once: bool
) -> None:
    slot = place(window, zone, not_before, drawn=drawn, at_once=at_once)
    wall = slot.due_at.astimezone(ZoneInfo(zone))
    assert slot.due_at >= not_before
    assert slot.due_at.microsecond == 0
    assert slot.due_at <= slot.window_end - TAIL_MARGIN
    assert wall.weekday() in window.weekdays
    assert window.opens <= wall.hour * 60 + wall.minute < window.closes
    hours = opening(window, wall.date(), zone)
    assert hours is not None
    assert slot.window_end == hours[1]


def test_what_is_due_at_once_keeps_its_second() -> None:
    inside = datetime(2026, 3, 2, 10, 15, 30, 1, tzinfo=UTC)
    slot = place(OFFICE, "UTC", inside, drawn=2**63, at_once=True)
    assert slot.due_at == datetime(2026, 3, 2, 10, 15, 31, tzinfo=UTC)


def test_what_is_due_at_once_but_outside_is_spread_over_the_next_opening() -> None:
    evening = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)
    slot = place(OFFICE, "UTC", evening, drawn=2**63, at_once=True)
    assert slot.due_at == datetime(2026, 3, 9, 12, 45, tzinfo=UTC)


def test_what_is_too_late_for_the_margin_goes_on_the_next_day() -> None:
    late = datetime(2026, 3, 2, 16, 30, 1, tzinfo=UTC)
    assert place(OFFICE, "UTC", late, drawn=0).due_at == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def test_draws_fill_the_window_evenly() -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    hours = [
        place(OFFICE, "UTC", midnight, drawn=draw("p", number)).due_at.hour
        for number in range(4000)
    ]
    for hour in range(9, 16):
        assert 400 < hours.count(hour) < 660


def test_draws_are_the_same_on_every_machine() -> None:
    assert draw("p-1", "trial", "intro", 1) == 0xB2600696F677226D
    assert draw("p-1", "trial", "intro", 2) != draw("p-1", "trial", "intro", 1)


@given(moment=moments)
def test_whole_second_is_the_next_one(moment: datetime) -> None:
    assert timedelta() <= whole_second(moment) - moment < timedelta(seconds=1)
    assert whole_second(moment).microsecond == 0
