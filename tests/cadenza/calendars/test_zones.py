from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from cadenza.accounts import Accounts
from cadenza.calendars import Closed, Window
from cadenza.calendars.resolving import country_of
from cadenza.calendars.zones import Whereabouts, zones_of
from cadenza.enrolling.message import check_row
from cadenza.enrolling.row_values import RowRejected
from cadenza.model import Channel
from cadenza.storage.prospects import NewProspect
from tests.cadenza.calendars.places import OFFICE
from tests.cadenza.planner.courses import person

EVER = Window(weekdays=frozenset(range(7)), opens=0, closes=1440, on_holidays=True)
TOLL_FREE = "+18005550123"  # of twenty countries


@pytest.mark.parametrize(
    ("known", "zone"),
    [
        (Whereabouts(time_zone="Asia/Tokyo", phone="+33142685300", country="FR"), "Asia/Tokyo"),
        (Whereabouts(phone="+33142685300"), "Europe/Paris"),
        (Whereabouts(phone="+12125550123", country="US"), "America/New_York"),
        (Whereabouts(country="FR"), "Europe/Paris"),
        (Whereabouts(country="DE"), "Europe/Berlin"),  # Büsingen keeps the same time
        (Whereabouts(company_time_zone="America/Chicago", country="US"), "America/Chicago"),
        (Whereabouts(company_country="BE"), "Europe/Brussels"),
        (Whereabouts(phone=TOLL_FREE, company_time_zone="America/Chicago"), "America/Chicago"),
        # What says nothing new about several zones is passed by.
        (Whereabouts(country="US", company_time_zone="America/Denver"), "America/Denver"),
    ],
)
def test_the_first_that_leaves_one_zone_decides(known: Whereabouts, zone: str) -> None:
    assert tuple(zones_of(known)) == (zone,)


def test_several_zones_of_a_number_are_narrowed_by_the_country() -> None:
    assert set(zones_of(Whereabouts(phone=TOLL_FREE, country="US"))) < set(
        zones_of(Whereabouts(phone=TOLL_FREE))
    )


def test_several_zones_are_left_once_per_kept_time() -> None:
    zones = zones_of(Whereabouts(country="US"))

    assert "America/New_York" in zones
    assert "America/Detroit" not in zones
    assert 6 <= len(zones) <= 9


def test_nothing_known_leaves_nothing_and_never_utc() -> None:
    assert tuple(zones_of(Whereabouts())) == ()
    assert tuple(zones_of(Whereabouts(phone="+80012345678"))) == ()


def test_a_zone_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        zones_of(Whereabouts(time_zone="Mars/Olympus"))
    with pytest.raises(ValueError, match="is not a time zone"):
        zones_of(Whereabouts(company_time_zone="Mars/Olympus"))


def accounts(**of_organisation: str) -> Accounts:
    return Accounts.model_validate(
        {
            "organisation": {"name": "N", "postal_address": "1 Quay", **of_organisation},
            "owners": [{"id": "anna", "name": "Anna", "email": "anna@reps.example"}],
            "accounts": [
                {"id": "mail", "channel": "email", "provider": "smtp", "address": "a@b.example"}
            ],
        }
    )


def enrolled(row: dict[str, object], **of_organisation: str) -> NewProspect:
    return check_row({"email": "ada@example.com", **row}, accounts(**of_organisation)).prospect


def test_a_row_takes_the_companys_zone_where_its_own_leaves_several() -> None:
    company = {"name": "Ajax", "time_zone": "America/Denver"}

    assert enrolled({"country": "US", "company": company}).time_zone == "America/Denver"
    company = {"name": "Ajax", "country": "be"}
    assert enrolled({"company": company}).time_zone == "Europe/Brussels"


def test_a_row_whose_zone_is_not_certain_is_rejected_and_says_how_many_are_left() -> None:
    with pytest.raises(RowRejected, match=r"can be any of \d by phone.*: give time_zone") as caught:
        enrolled({"country": "US"})
    assert caught.value.field == "time_zone"
    with pytest.raises(RowRejected, match="cannot be told"):
        enrolled({})
    with pytest.raises(RowRejected, match="is not an IANA zone"):
        enrolled({"company": {"name": "Ajax", "time_zone": "Mars/Olympus"}, "country": "FR"})


def test_with_widest_hours_count_that_are_open_in_every_zone() -> None:
    prospect = enrolled({"country": "US"}, zone_if_unknown="widest")

    assert prospect.time_zone == "America/New_York"
    assert "Pacific/Honolulu" in str(prospect.fields["possible_time_zones"]).split()
    assert "possible_time_zones" not in enrolled({"country": "FR"}, zone_if_unknown="widest").fields


def test_the_calendar_of_somebody_in_several_zones_opens_in_all_of_them() -> None:
    prospect = enrolled({"country": "US"}, zone_if_unknown="widest")
    profile = replace(person(), country="US", time_zone=prospect.time_zone, fields=prospect.fields)

    calendar = accounts().places.of(profile)
    hours = calendar.opening(
        OFFICE, Channel.EMAIL, date(2026, 3, 3), profile.time_zone, service=False
    )

    assert hours == (datetime(2026, 3, 3, 19, tzinfo=UTC), datetime(2026, 3, 3, 22, tzinfo=UTC))


def test_the_country_of_the_number_stands_for_one_that_is_not_given() -> None:
    profile = replace(person(), country=None, phone="+33612345678", fields={})

    assert accounts().places.of(profile).country == "FR"


def test_a_number_that_is_in_no_plan_is_bound_by_the_law_of_its_code() -> None:
    """An area code may be newer than the tables."""
    profile = replace(person(), country=None, phone="+15550100199", fields={})
    calendar = accounts().places.of(profile)
    evening = datetime(2026, 3, 3, 1, 30, tzinfo=UTC)  # 20:30 in New York

    assert calendar.country == "US"
    assert calendar.holiday(date(2026, 7, 4)) is not None
    closed = calendar.closed(EVER, Channel.SMS, evening, "America/New_York", service=False)
    assert closed is Closed.LEGAL_HOURS


def test_a_satellite_is_in_no_country() -> None:
    assert country_of("+870773111632") is None
