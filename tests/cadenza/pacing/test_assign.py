"""Times under limits: nothing over a cap in any window, nothing lost, nothing idle."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.calendars import Slot, Window, local_date, opening
from cadenza.pacing.assign import Wish, assign
from cadenza.pacing.book import second_of
from cadenza.pacing.grid import EPOCH, grid_of
from tests.cadenza.pacing.support import MONDAY, OFFICE, book_of, file, most_within, wish

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")


@st.composite
def limits(draws: st.DrawFn) -> dict[str, Any]:
    """Limits of one account, any of them left out."""
    said: dict[str, Any] = {"per_day": draws(st.integers(3, 40))}
    if draws(st.booleans()):
        said["min_gap"] = f"{draws(st.integers(1, 40))} minutes"
        said["gap_jitter"] = f"{draws(st.integers(0, 60))}%"
    else:
        said["min_gap"] = "0 seconds"
    for name, least, most in (("per_hour", 2, 9), ("per_week", 10, 90), ("per_month", 40, 300)):
        if draws(st.booleans()):
            said[name] = draws(st.integers(least, most))
    if draws(st.booleans()):
        said["rolling"] = {draws(st.sampled_from(["1 day", "5 days", "30 hours"])): 25}
    if draws(st.booleans()):
        said["zone"] = draws(st.sampled_from(ZONES))
    if draws(st.booleans()):
        said["ramp"] = {"start": 2, "step": 3, "ceiling": 30, "since": date(2026, 3, 3)}
    return said


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 9_000), st.sampled_from(ZONES), st.booleans(), st.sampled_from("xyz")),
    min_size=1,
    max_size=120,
)
TIME_OF_PERIOD = {"per_hour": 3600, "per_day": 86400}


@settings(max_examples=60, deadline=None)
@given(said=limits(), arrivals=ARRIVALS, weekly=st.integers(15, 60))
def test_no_cap_is_exceeded_in_any_window_and_everything_gets_a_time(
    said: dict[str, Any], arrivals: list[tuple[int, str, bool, str]], weekly: int
) -> None:
    accounts = file(
        said,
        {"per_day": 500, "min_gap": "0 seconds"},
        limits=[
            {"scope": "domain", "at_most": weekly, "per": "week"},
            {"scope": "deployment", "at_most": 70, "per": "rolling 2 days"},
        ],
    )
    book = book_of(accounts)
    left: dict[int, list[tuple[datetime, str]]] = {0: [], 1: []}
    for n, (minute, zone, is_first, domain) in enumerate(arrivals):
        wanted = wish(
            accounts, n, account=n % 2, not_before=MONDAY + timedelta(minutes=minute), zone=zone,
            is_first=is_first, domain=f"{domain}.example",
        )  # fmt: skip
        given_ = assign(book, wanted)
        hours = opening(OFFICE, local_date(given_.due_at, zone), zone)
        assert hours is not None
        assert hours[0] <= given_.due_at < hours[1] == given_.window_end
        assert given_.due_at >= wanted.not_before
        assert (given_.reason is None) or given_.due_at > wanted.due_at
        left[n % 2].append((given_.due_at, domain))
    _assert_kept(accounts, left, weekly)


def _assert_kept(accounts: Any, left: dict[int, list[tuple[datetime, str]]], weekly: int) -> None:
    book = book_of(accounts)
    for n, account in enumerate(accounts.accounts):
        moments = sorted(at for at, _ in left[n])
        gap = account.limits.min_gap
        assert all(b - a >= gap for a, b in pairwise(moments))
        for cap in book.rules.caps(wish(accounts, 0, account=n).draw):
            used = Counter(cap.window.bucket(at)[0] for at in moments)
            if cap.window.earlier:
                span = cap.window.period.span or HOUR
                assert most_within(moments, span) <= cap.at_most
            else:
                assert all(count <= cap.limit_at(start) for start, count in used.items())
    everything = [of for some in left.values() for of in some]
    assert most_within([at for at, _ in everything], 2 * DAY) <= 70
    weeks = Counter((d, (at - MONDAY.replace(hour=0)) // (7 * DAY)) for at, d in everything)
    assert max(weeks.values()) <= weekly


def test_the_day_is_spread_and_not_filled_from_its_beginning() -> None:
    accounts = file({"per_day": 50, "min_gap": "10 minutes", "gap_jitter": "30%"})
    book = book_of(accounts)
    times = [assign(book, wish(accounts, n)).due_at for n in range(16)]
    halves = Counter(at.hour < 13 for at in times)
    assert min(halves.values()) >= 4


def test_a_backlog_uses_every_slot_that_limits_and_jitter_allow() -> None:
    """The share of slots used between the first and the last: all of them."""
    accounts = file({"per_day": 500, "min_gap": "10 minutes", "gap_jitter": "30%"})
    book = book_of(accounts)
    times = sorted(assign(book, wish(accounts, n)).due_at for n in range(190))
    grid = grid_of(accounts.accounts[0])
    assert grid is not None
    possible, last = [], times[-1]
    number = grid.first_from(second_of(MONDAY))
    while (at := EPOCH + timedelta(seconds=grid.at(number))) <= last:
        hours = opening(OFFICE, at.date(), "UTC")
        if hours and hours[0] <= at <= hours[1] - timedelta(minutes=30):
            possible.append(at)
        number += 1
    # All days but the last, which the backlog does not fill.
    full = [at for at in possible if at.date() < last.date()]
    assert [at for at in times if at.date() < last.date()] == full
    assert len(full) >= 150


def test_a_full_day_sends_on_to_the_next_with_the_rule_that_says_so() -> None:
    accounts = file({"per_day": 3, "min_gap": "0 seconds"})
    book = book_of(accounts)
    found = [assign(book, wish(accounts, n)) for n in range(7)]
    assert [g.due_at.day for g in found] == [2, 2, 2, 3, 3, 3, 4]
    assert [g.reason for g in found] == [None] * 3 + ["account_per_day"] * 4


def test_whoever_waited_for_an_hour_does_not_come_as_it_begins() -> None:
    accounts = file({"per_day": 500, "per_hour": 4, "min_gap": "0 seconds"})
    book = book_of(accounts)
    times = [assign(book, wish(accounts, n)).due_at for n in range(28)]
    assert max(Counter(at.hour for at in times).values()) == 4
    assert len({at.minute for at in times}) > 14


def test_follow_ups_find_room_on_days_that_new_people_would_fill() -> None:
    accounts = file(
        {"per_day": 10, "min_gap": "0 seconds"}, organisation={"follow_ups_first": "70%"}
    )
    book = book_of(accounts)
    firsts = [assign(book, wish(accounts, n, is_first=True)) for n in range(16)]
    days = Counter(g.due_at.day for g in firsts)
    # Today belongs to whoever comes; of the days after it, three tenths.
    assert days == {2: 10, 3: 3, 4: 3}
    assert firsts[-1].reason in ("account_per_day", "follow_ups_first")
    tomorrow = MONDAY + DAY
    follow_ups = [assign(book, wish(accounts, 100 + n, not_before=tomorrow)) for n in range(8)]
    assert [g.due_at.day for g in follow_ups] == [3] * 7 + [4]


def test_a_slot_that_is_released_is_given_again() -> None:
    accounts = file({"per_day": 500, "min_gap": "10 minutes"})
    book = book_of(accounts)
    many = [assign(book, wish(accounts, n)).due_at for n in range(44)]
    first = min(many)
    book.release(wish(accounts, 0).draw, first)
    assert assign(book, wish(accounts, 99)).due_at == first


def test_nothing_is_given_before_an_account_begins_its_ramp() -> None:
    ramp = {"start": 2, "step": 1, "ceiling": 5, "since": date(2026, 3, 9)}
    accounts = file({"per_day": 50, "min_gap": "0 seconds", "ramp": ramp})
    book = book_of(accounts)
    found = [assign(book, wish(accounts, n)) for n in range(6)]
    assert [g.due_at.day for g in found] == [9, 9, 10, 10, 10, 11]
    assert {g.reason for g in found} == {"account_ramp"}


@pytest.mark.parametrize("min_gap", ["0 seconds", "10 minutes", "3 days"])
def test_a_cap_that_opens_in_ten_years_gives_no_time_twice(min_gap: str) -> None:
    ramp = {"start": 1, "since": date(2036, 1, 1)}
    accounts = file({"min_gap": min_gap, "ramp": ramp})
    book = book_of(accounts)
    found = [assign(book, wish(accounts, n)) for n in range(5)]
    assert {g.reason for g in found} == {"account_ramp"}
    assert all(MONDAY + 400 * DAY < g.due_at < g.window_end for g in found)
    if min_gap != "0 seconds":
        assert len({g.due_at for g in found}) == 5


def test_a_backlog_of_years_has_a_time_for_each_and_is_found_quickly() -> None:
    accounts = file({"per_month": 1, "min_gap": "10 minutes"})
    book = book_of(accounts)
    asked: list[datetime] = []

    def counted(wanted: Wish) -> Wish:
        def openings(moment: datetime) -> Slot:
            asked.append(moment)
            return wanted.openings(moment)

        return replace(wanted, openings=openings)

    found = [assign(book, counted(wish(accounts, n))) for n in range(60)]
    months = [(g.due_at.year, g.due_at.month) for g in found]
    assert len(set(months)) == 60
    assert max(months) == (2031, 2)
    # Of a full month one opening is looked at, not each of its days.
    assert len(asked) < 61 * 60


def test_first_touches_have_room_however_much_is_kept_for_follow_ups() -> None:
    accounts = file({"per_day": 3}, organisation={"follow_ups_first": "95%"})
    book = book_of(accounts)
    found = [assign(book, wish(accounts, n, is_first=True)) for n in range(9)]
    assert Counter(g.due_at.day for g in found) == {2: 3, 3: 1, 4: 1, 5: 1, 6: 1, 9: 1, 10: 1}
    assert len({g.due_at for g in found}) == 9


def test_weekends_and_nights_are_crossed() -> None:
    accounts = file({"per_day": 1, "min_gap": "0 seconds"})
    book = book_of(accounts)
    sundays = Window(weekdays=frozenset({6}), opens=600, closes=720)
    found = [assign(book, wish(accounts, n, window=sundays)).due_at for n in range(3)]
    assert [at.date() for at in found] == [date(2026, 3, 8), date(2026, 3, 15), date(2026, 3, 22)]
    assert all(at.tzinfo == UTC for at in found)
