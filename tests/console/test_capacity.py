"""What `cadenza capacity` says, against cases that were counted by hand."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from console.capacity import forecast
from tests.cadenza.pacing.support import book_of, file, wish

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)  # a Monday, before 09:00

Told = Sequence[tuple[int | None, str | None]]


def told(*limits: dict[str, Any], days: int, **more: Any) -> Told:
    """(free, binds) of each account, day by day."""
    accounts = file(*limits, **more)
    found = forecast(accounts, book_of(accounts, MONDAY), MONDAY, days)
    return [(day.free, day.binds) for day in found]


def any_time(**limits: Any) -> dict[str, Any]:
    return {"min_gap": "none", **limits}


TEN_MINUTES = {"min_gap": "10 minutes", "gap_jitter": "0%"}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        # Eight hours of a hundred, 09:00 to 16:30.
        (any_time(per_day=1_000, per_hour=100), [(800, "account_per_hour")] * 2),
        (any_time(per_day=500, per_hour=100), [(500, "account_per_day")] * 2),
        # A week has what it has once, not each day.
        (any_time(per_day=50, per_week=60), [(50, "account_per_day"), (10, "account_per_week")]),
        (
            any_time(per_day=1_000, rolling={"30 days": 70}),
            [(70, "account_rolling"), (0, "account_rolling")],
        ),
        # 09:00, 09:10 … 16:30 are 46 times; the grid of this account begins later.
        ({"per_day": 50, **TEN_MINUTES}, [(45, "account_gap")] * 2),
        (
            {"per_day": 50, "per_week": 60, **TEN_MINUTES},
            [(45, "account_gap"), (15, "account_per_week")],
        ),
        (
            any_time(ramp={"start": 10, "step": 5, "since": date(2026, 3, 3)}),
            [(0, "account_ramp"), (10, "account_ramp")],
        ),
    ],
)
def test_a_day_has_the_room_that_its_limits_leave(limits: dict[str, Any], expected: Told) -> None:
    assert told(limits, days=2) == expected


@pytest.mark.parametrize("gap", [{"min_gap": "none"}, TEN_MINUTES])
def test_what_accounts_share_is_free_once(gap: dict[str, Any]) -> None:
    shared = [{"scope": "deployment", "at_most": 60, "per": "day"}]
    own = {"per_day": 40, **gap}
    expected = [(40, "account_per_day"), (20, "deployment_limit")]
    assert told(own, own, days=1, limits=shared) == expected


def test_what_is_planned_is_taken_and_not_free() -> None:
    accounts = file(any_time(per_day=10))
    book = book_of(accounts, MONDAY)
    for number in range(3):
        book.take(wish(accounts, number).draw, MONDAY.replace(hour=12))
    (day,) = forecast(accounts, book, MONDAY, 1)
    assert (day.taken, day.cap, day.free, day.binds) == (3, 10, 7, "account_per_day")


def test_of_a_coming_day_new_people_have_their_share() -> None:
    accounts = file(any_time(per_day=10), organisation={"follow_ups_first": "70%"})
    today, tomorrow = forecast(accounts, book_of(accounts, MONDAY), MONDAY, 2)
    assert (today.free, today.free_for_new) == (10, 10)
    assert (tomorrow.free, tomorrow.free_for_new) == (10, 3)


def test_where_nothing_binds_there_is_no_end_to_it() -> None:
    assert told(any_time(per_day=1_000_000), days=1) == [(None, None)]


def test_a_day_off_has_no_room() -> None:
    assert told(any_time(), days=7)[5:] == [(0, "closed")] * 2
