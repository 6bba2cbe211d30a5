"""Places: nobody is lost, no day is overbooked, nobody begins before their turn."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cadenza.calendars import Days
from cadenza.enrolling.policy import Place, Places
from cadenza.language.cadence import EnrollPolicy
from cadenza.timespec import day_of

ZONE = "Europe/Paris"
START = datetime(2026, 1, 1, tzinfo=UTC)
nows = st.integers(0, 2 * 365 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))


@given(nows, st.integers(1, 7), st.integers(1, 60), st.sampled_from(Days), st.integers(0, 20))
def test_no_day_is_overbooked_and_all_days_are_filled_in_order(
    now: datetime, per_day: int, count: int, days: Days, taken: int
) -> None:
    today = days.first(day_of(now, ZONE))
    places = Places(EnrollPolicy(per_day=per_day), days, ZONE, {today: taken}, 0)
    begun: Counter[date] = Counter({today: taken})
    last = today
    for _ in range(count):
        place = places.take(now)
        assert isinstance(place, Place)
        day = day_of(place.starts_at or now, ZONE)
        if place.starts_at is not None:
            assert place.starts_at > now
            assert days.first(day) == day
        day = max(day, today)
        assert day >= last
        last = day
        begun[day] += 1
    assert max(n for day, n in begun.items() if day != today or taken < per_day) <= max(
        per_day, taken
    )
    full = [day for day in begun if day < last]
    assert all(begun[day] >= per_day for day in full)


@given(nows, st.integers(1, 9), st.integers(0, 9))
def test_as_many_are_active_as_may_be(now: datetime, most: int, active: int) -> None:
    places = Places(EnrollPolicy(active=most), Days.CALENDAR, ZONE, {}, active)
    taken = sum(isinstance(places.take(now), Place) for _ in range(20))
    assert taken == max(0, most - active)
