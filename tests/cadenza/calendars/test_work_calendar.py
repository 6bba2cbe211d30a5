from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from cadenza.calendars import Blackout, Closed, Days, OwnCalendar, Window
from cadenza.model import Channel
from tests.cadenza.calendars.places import ALWAYS, OFFICE, blackout, calendars

BASTILLE = date(2026, 7, 14)  # a Tuesday
PARIS = "Europe/Paris"


def test_holidays_are_those_of_the_country_and_of_the_region() -> None:
    places = calendars()
    epiphany, saint_stephen = date(2026, 1, 6), date(2026, 12, 26)

    assert places.at("FR").holiday(BASTILLE) == "National Day"
    assert places.at("GB").holiday(BASTILLE) is None
    assert places.at(None).holiday(BASTILLE) is None
    assert places.at("DE").holiday(epiphany) is None
    assert places.at("DE", "BY").holiday(epiphany) == "Epiphany"
    assert places.at("FR", "FR-57").holiday(saint_stephen) is not None
    assert places.at("FR", "Moselle").holiday(saint_stephen) is not None


def test_a_region_that_no_table_knows_counts_as_none() -> None:
    places = calendars()

    assert places.at("DE", "EMEA") is places.at("DE")
    assert places.at("DE", 7) is places.at("DE")
    assert places.at(None, "BY") is places.at(None)


def test_a_country_without_a_table_has_no_holidays() -> None:
    assert calendars().at("XK-none").holiday(date(2026, 1, 1)) is None


def test_what_is_kept_for_a_weekend_is_a_holiday() -> None:
    assert calendars().at("US").holiday(date(2026, 7, 3)) is not None  # the 4th is a Saturday


def test_one_calendar_is_made_per_place() -> None:
    places = calendars()

    assert places.at("US", "us-fl") is places.at("US", "FL")


def test_business_days_leave_out_weekends_and_holidays() -> None:
    days = calendars().at("FR").counting(Days.BUSINESS)
    monday = date(2026, 7, 13)

    assert days.add(monday, 1) == date(2026, 7, 15)
    assert days.add(monday, 4) == date(2026, 7, 20)
    assert days.add(monday, 0) == monday
    assert days.add(date(2026, 7, 15), -1) == monday
    assert days.add(date(2026, 7, 20), -4) == monday
    assert days.between(monday, date(2026, 7, 17)) == 3
    assert days.between(monday, monday) == 0
    assert days.first(BASTILLE) == date(2026, 7, 15)
    assert days.first(monday) == monday


def test_calendar_days_count_holidays_too() -> None:
    days = calendars().at("FR").counting(Days.CALENDAR)

    assert days.add(date(2026, 7, 13), 1) == BASTILLE


def test_own_calendars_add_days_off_and_take_them_away() -> None:
    own = {
        "countries": ["FR"],
        "holidays": {"12-24": "Christmas Eve", "2026-08-17": "works outing"},
        "worked": ["2026-07-14"],
    }
    there, elsewhere = calendars([own]).at("FR"), calendars([own]).at("BE")

    assert there.holiday(date(2027, 12, 24)) == "Christmas Eve"
    assert there.holiday(date(2026, 8, 17)) == "works outing"
    assert there.holiday(date(2027, 8, 17)) is None
    assert there.holiday(BASTILLE) is None
    assert elsewhere.holiday(date(2027, 12, 24)) is None


def test_own_calendars_may_do_without_public_holidays_and_have_other_weekdays() -> None:
    own = {"countries": ["EG"], "public_holidays": False, "weekdays": "sun-thu"}
    cairo = calendars([own]).at("EG")

    assert cairo.holiday(date(2026, 1, 7)) is None
    days = cairo.counting(Days.BUSINESS)
    assert days.add(date(2026, 3, 5), 1) == date(2026, 3, 8)  # from a Thursday to a Sunday


@pytest.mark.parametrize(
    ("country", "after_thursday"),
    [("FR", 6), ("EG", 8), ("IL", 8), ("SA", 8), ("AE", 6), (None, 6)],
)
def test_business_days_are_those_of_the_countrys_week(
    country: str | None, after_thursday: int
) -> None:
    days = calendars().at(country).counting(Days.BUSINESS)
    assert days.add(date(2026, 3, 5), 1) == date(2026, 3, after_thursday)


def test_a_friday_is_no_day_for_cairo_unless_the_window_is_open_on_holidays() -> None:
    friday, noon = date(2026, 3, 6), datetime(2026, 3, 6, 10, tzinfo=UTC)
    cairo = calendars().at("EG")
    where = "Africa/Cairo"

    assert cairo.opening(OFFICE, Channel.EMAIL, friday, where, service=False) is None
    assert cairo.closed(OFFICE, Channel.EMAIL, noon, where, service=False) is Closed.HOLIDAY
    assert cairo.closed(ALWAYS, Channel.EMAIL, noon, where, service=False) is None


def test_an_own_week_stands_in_for_the_countrys_weekend() -> None:
    friday = date(2026, 3, 6)
    own = calendars([{"countries": ["EG"], "weekdays": "mon-fri"}]).at("EG")
    worked = calendars([{"countries": ["EG"], "worked": [friday]}]).at("EG")

    for calendar in (own, worked):
        hours = calendar.opening(OFFICE, Channel.EMAIL, friday, "Africa/Cairo", service=False)
        assert hours is not None


def test_an_own_calendar_of_a_region_is_for_it_alone() -> None:
    own = {"countries": ["US-CA"], "holidays": ["2026-03-31"]}

    assert calendars([own]).at("US", "CA").holiday(date(2026, 3, 31)) == "a day off"
    assert calendars([own]).at("US", "NV").holiday(date(2026, 3, 31)) is None


def test_windows_are_closed_on_holidays_unless_they_say_otherwise() -> None:
    france = calendars().at("FR")
    noon = datetime(2026, 7, 14, 10, tzinfo=UTC)

    assert france.opening(OFFICE, Channel.EMAIL, BASTILLE, PARIS, service=False) is None
    assert france.closed(OFFICE, Channel.EMAIL, noon, PARIS, service=False) is Closed.HOLIDAY
    assert france.closed(ALWAYS, Channel.EMAIL, noon, PARIS, service=False) is None


def test_a_blackout_silences_its_channels_in_its_countries() -> None:
    entry = blackout(date(2026, 3, 2), date(2026, 3, 3), channels=["email"], countries=["FR"])
    places = calendars(blackouts=[entry])

    def closed(country: str, channel: Channel, day: int) -> Closed | None:
        moment = datetime(2026, 3, day, 11, tzinfo=UTC)
        return places.at(country).closed(OFFICE, channel, moment, PARIS, service=False)

    assert closed("FR", Channel.EMAIL, 2) is Closed.BLACKOUT
    assert closed("FR", Channel.EMAIL, 3) is Closed.BLACKOUT
    assert closed("FR", Channel.EMAIL, 4) is None
    assert closed("FR", Channel.SMS, 3) is None
    assert closed("BE", Channel.EMAIL, 3) is None


@pytest.mark.parametrize(
    ("region", "hour", "closed"),
    [
        ("FL", 8, None),
        ("FL", 20, Closed.LEGAL_HOURS),
        ("NY", 20, None),
        ("NY", 21, Closed.LEGAL_HOURS),
        ("MA", 19, None),
        ("MA", 20, Closed.LEGAL_HOURS),
        ("KY", 9, Closed.LEGAL_HOURS),
        ("MS", 12, Closed.LEGAL_HOURS),  # nothing on Sundays
        ("LA", 12, Closed.LEGAL_HOURS),
        (None, 12, Closed.LEGAL_HOURS),
    ],
)
def test_marketing_texts_keep_to_the_hours_of_the_state_or_the_strictest_of_all(
    region: str | None, hour: int, closed: Closed | None
) -> None:
    # New York is five hours behind.
    sunday = datetime(2026, 3, 1, 5, 30, tzinfo=UTC) + timedelta(hours=hour)
    calendar = calendars().at("US", region)

    found = calendar.closed(ALWAYS, Channel.SMS, sunday, "America/New_York", service=False)

    assert found is closed
    assert calendar.closed(ALWAYS, Channel.SMS, sunday, "America/New_York", service=True) is None
    assert calendar.closed(ALWAYS, Channel.EMAIL, sunday, "America/New_York", service=False) is None


def test_a_foreign_number_brings_the_law_of_its_country() -> None:
    def hours(
        country: str, phone: str, day: date, zone: str = PARIS, *, service: bool = False
    ) -> tuple[datetime, datetime] | None:
        calendar = calendars().where(country, phone, zone)
        return calendar.opening(ALWAYS, Channel.SMS, day, zone, service=service)

    def utc(day: int, hour: int) -> datetime:
        return datetime(2026, 2, day, hour, tzinfo=UTC)

    # 08:00 to 22:00 in Paris, and 10:00 to 18:00 in Florida.
    assert hours("FR", "+13055551234", date(2026, 2, 3)) == (utc(3, 15), utc(3, 21))
    assert hours("FR", "+33612345678", date(2026, 2, 3)) == (utc(3, 7), utc(3, 21))
    assert hours("FR", "+13055551234", date(2026, 2, 16)) is None  # Washington's birthday there
    assert hours("FR", "+13055551234", date(2026, 2, 3), service=True) == (utc(2, 23), utc(3, 23))
    # Where the country itself has no rule, that of the number is the only one.
    assert hours("BE", "+33612345678", date(2026, 2, 3)) == (utc(3, 7), utc(3, 21))
    # In Sydney it is Wednesday when Tuesday's hours begin in California.
    assert hours("AU", "+14155551234", date(2026, 2, 4), "Australia/Sydney") == (
        utc(3, 18),
        utc(4, 2),
    )
    assert hours("US", "+13055551234", date(2026, 2, 3)) == hours(
        "US", "+12125551234", date(2026, 2, 3)
    )


def test_a_foreign_number_changes_nothing_but_texts() -> None:
    calendar = calendars().where("FR", "+13055551234", PARIS)
    washington = date(2026, 2, 16)
    assert calendar.holiday(washington) is None
    assert calendar.opening(OFFICE, Channel.EMAIL, washington, PARIS, service=False) == (
        calendars().at("FR").opening(OFFICE, Channel.EMAIL, washington, PARIS, service=False)
    )


def test_french_texts_rest_on_sundays_and_holidays() -> None:
    france = calendars().at("FR")
    for day in (date(2026, 3, 1), BASTILLE):
        assert france.opening(ALWAYS, Channel.SMS, day, PARIS, service=False) is None
        assert france.opening(ALWAYS, Channel.SMS, day, PARIS, service=True) is not None


def test_a_zone_that_is_not_certain_leaves_hours_that_are_open_in_all() -> None:
    calendar = calendars().at("US", None, ("America/Los_Angeles",))

    hours = calendar.opening(
        OFFICE, Channel.EMAIL, date(2026, 3, 2), "America/New_York", service=False
    )

    assert hours == (datetime(2026, 3, 2, 17, tzinfo=UTC), datetime(2026, 3, 2, 22, tzinfo=UTC))


def test_windows_overlap_or_they_do_not() -> None:
    morning = Window(weekdays=frozenset({0, 6}), opens=8 * 60, closes=10 * 60)
    both = OFFICE.within(morning)

    assert both == Window(weekdays=frozenset({0}), opens=9 * 60, closes=10 * 60)
    assert OFFICE.within(Window(weekdays=frozenset({6}), opens=0, closes=1440)) is None
    assert OFFICE.within(Window(weekdays=frozenset({0}), opens=0, closes=9 * 60 + 59)) is None


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"holidays": ["24 December"]}, "is no day"),
        ({"holidays": ["02-30"]}, "is no day"),
        ({"holidays": "tomorrow"}, "write a list of days"),
        ({"countries": ["France"]}, "ISO 3166"),
        ({"weekdays": "someday"}, "is no weekday"),
        ({"bank_holidays": True}, "Extra inputs"),
    ],
)
def test_a_wrong_calendar_says_what_to_write(entry: object, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        OwnCalendar.model_validate(entry)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"to": "2026-01-01"}, "exchange them"),
        ({"to": "2028-01-01"}, "longer than a year"),
        ({"channels": ["pigeon"]}, "write email"),
        ({"reason": ""}, "at least 1 character"),
    ],
)
def test_a_wrong_blackout_says_what_to_write(change: dict[str, object], told: str) -> None:
    good = {"from": "2026-03-02", "to": "2026-03-03", "reason": "move"}
    with pytest.raises(ValidationError, match=told):
        Blackout.model_validate({**good, **change})


def test_every_rule_on_texts_names_its_law_and_where_it_was_read() -> None:
    from cadenza.calendars.sms_hours import all_rows

    for row in all_rows():
        assert row.law, row
        assert row.source.startswith(("https://", "http://")), row
        assert row.checked > date(2026, 1, 1), row
        weekdays = [day for window in row.windows for day in window.weekdays]
        assert len(weekdays) == len(set(weekdays)), row


def test_counting_business_days_agrees_with_going_day_by_day() -> None:
    days = calendars().at("JP").counting(Days.BUSINESS)
    calendar = calendars().at("JP")
    day = date(2026, 4, 20)
    worked = [
        d
        for n in range(1, 60)
        if (d := day + timedelta(days=n)).weekday() < 5 and calendar.holiday(d) is None
    ]

    assert [days.add(day, n) for n in range(1, 30)] == worked[:29]
    assert [days.between(day, d) for d in worked] == list(range(1, len(worked) + 1))
