"""The slots of an account with a gap."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cadenza.pacing.grid import Grid, grid_of
from tests.cadenza.pacing.support import file


def grid(gap: str, jitter: str = "0%") -> Grid:
    (account,) = file({"min_gap": gap, "gap_jitter": jitter}).accounts
    found = grid_of(account)
    assert found is not None
    return found


@given(
    seconds=st.integers(1, 7_200),
    jitter=st.integers(0, 200),
    first=st.integers(1_700_000_000, 1_900_000_000),
)
def test_slots_are_never_nearer_than_the_gap_nor_further_apart_than_its_jitter_says(
    seconds: int, jitter: int, first: int
) -> None:
    slots = grid(f"{seconds} seconds", f"{jitter}%")
    number = slots.first_from(first)
    times = [slots.at(number + n) for n in range(50)]
    gaps = [b - a for a, b in pairwise(times)]
    assert times[0] >= first > slots.at(number - 1)
    assert min(gaps) >= seconds
    assert max(gaps) <= seconds * (1 + jitter / 100) + slots.unit + 1


def test_gaps_of_minutes_lie_on_whole_minutes() -> None:
    slots = grid("10 minutes", "30%")
    times = [slots.at(n) for n in range(2_900_000, 2_900_200)]
    assert all(second % 60 == 0 for second in times)
    assert len({b - a for a, b in pairwise(times)}) >= 3


def test_jitter_costs_half_of_itself() -> None:
    slots = grid("10 minutes", "30%")
    number = slots.first_from(1_772_000_000)
    mean = (slots.at(number + 1_000) - slots.at(number)) / 1_000
    assert abs(mean - 600 * 1.15) < 2


def test_a_moment_between_slots_takes_those_within_a_gap() -> None:
    slots = grid("10 minutes")
    number = slots.first_from(1_772_000_000)
    at = slots.at(number)
    assert slots.near(at) == [number]
    assert slots.near(at + 60) == [number, number + 1]


def test_accounts_have_patterns_of_their_own() -> None:
    accounts = file(*[{"min_gap": "10 minutes", "gap_jitter": "30%"}] * 8).accounts
    firsts = {g.at(g.first_from(1_772_000_000)) for a in accounts if (g := grid_of(a))}
    assert len(firsts) >= 4


def test_an_account_without_a_gap_has_no_slots() -> None:
    (account,) = file({"min_gap": "0 seconds"}).accounts
    assert account.limits.min_gap == timedelta()
    assert grid_of(account) is None
