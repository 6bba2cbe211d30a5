"""Whatever is admitted is sent in the end, however tight the limits are and however late a worker.

Planning and delivery in memory, over months: the slot book plans, a ledger
of its own decides at each beginning, and who is refused is planned again.
"""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cadenza.abc import Draw
from cadenza.accounts import Accounts
from cadenza.limits import LimitRules
from cadenza.pacing.assign import Wish, assign
from cadenza.pacing.book import SlotBook
from tests.cadenza.pacing.support import MONDAY, book_of, file, most_within, wish

DAY = timedelta(days=1)
LONGEST = timedelta(days=1_500)
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")


@st.composite
def tight_limits(draws: st.DrawFn) -> dict[str, Any]:
    """Limits of one account that let hardly anything through, but never nothing."""
    said: dict[str, Any] = {"per_day": draws(st.integers(1, 3)), "min_gap": "none"}
    if draws(st.booleans()):
        said["min_gap"] = draws(st.sampled_from(["10 minutes", "3 hours", "7 hours", "3 days"]))
        said["gap_jitter"] = f"{draws(st.integers(0, 100))}%"
    for name, least, most in (("per_hour", 1, 2), ("per_week", 1, 4), ("per_month", 3, 9)):
        if draws(st.booleans()):
            said[name] = draws(st.integers(least, most))
    if draws(st.booleans()):
        span = draws(st.sampled_from(["1 hour", "36 hours", "10 days", "30 days"]))
        said["rolling"] = {span: draws(st.integers(1, 4))}
    if draws(st.booleans()):
        said["zone"] = draws(st.sampled_from(ZONES))
    if draws(st.booleans()):
        said["ramp"] = {"start": 1, "step": 1, "ceiling": 2, "since": date(2026, 3, 20)}
    return said


@dataclass
class Ledger:
    """What left, and whether one more may: the judgement of a worker, not that of the planner."""

    rules: LimitRules
    left: list[tuple[datetime, Draw]] = field(default_factory=list)

    def refuses(self, draw: Draw, at: datetime) -> datetime | None:
        """When to come again; None if it may leave."""
        gap = draw.account.limits.min_gap
        last = max((t for t, d in self.left if d.account.id == draw.account.id), default=None)
        if last is not None and at < last + gap:
            return last + gap
        for cap in self.rules.caps(draw):
            start, end = cap.window.bucket(at)
            first = start - cap.window.earlier * (end - start)
            if sum(first <= t < end for t in self._under(cap.key)) >= cap.limit_at(start):
                return end
        return None

    def _under(self, key: str) -> Sequence[datetime]:
        return [t for t, d in self.left if any(cap.key == key for cap in self.rules.caps(d))]


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 9_000), st.sampled_from(ZONES), st.sampled_from("xy")),
    min_size=1,
    max_size=8,
)
SHARES = st.sampled_from(["0%", "70%", "95%"])


@settings(max_examples=25, deadline=None)
@given(
    said=tight_limits(),
    arrivals=ARRIVALS,
    follow_ups_first=SHARES,
    lateness=st.lists(st.sampled_from([0, 1, 25, 500]), min_size=1, max_size=4),
)
def test_everything_that_is_admitted_is_sent_in_the_end(
    said: dict[str, Any],
    arrivals: list[tuple[int, str, str]],
    follow_ups_first: str,
    lateness: list[int],
) -> None:
    accounts = _file(said, follow_ups_first)
    sent, _ = _run(accounts, arrivals, [*lateness, 0])
    # Each first touch, and the follow-up that it brings about.
    assert Counter(number for _, number in sent) == dict.fromkeys(range(len(arrivals)), 2)
    assert most_within([at for at, _ in sent], 7 * DAY) <= 9


@settings(max_examples=25, deadline=None)
@given(said=tight_limits(), arrivals=ARRIVALS, follow_ups_first=SHARES)
def test_what_is_planned_is_refused_nowhere_if_nobody_is_late(
    said: dict[str, Any], arrivals: list[tuple[int, str, str]], follow_ups_first: str
) -> None:
    sent, refusals = _run(_file(said, follow_ups_first), arrivals, [0])
    assert len(sent) == 2 * len(arrivals)
    assert refusals == 0


def _file(said: dict[str, Any], follow_ups_first: str) -> Accounts:
    return file(
        said,
        {"per_day": 2, "min_gap": "20 minutes", "gap_jitter": "30%"},
        organisation={"follow_ups_first": follow_ups_first},
        limits=[
            {"scope": "domain", "at_most": 1, "per": "day"},
            {"scope": "deployment", "at_most": 9, "per": "rolling 7 days"},
        ],
    )


def _run(
    accounts: Accounts, arrivals: Sequence[tuple[int, str, str]], lateness: Sequence[int]
) -> tuple[Sequence[tuple[datetime, int]], int]:
    """(when, who) of all that left, and how often something was refused.

    lateness: minutes by which one touch after the other is begun late.
    """
    book, ledger = book_of(accounts), Ledger(LimitRules(accounts))
    agenda: list[tuple[datetime, int, bool]] = []
    wishes: dict[tuple[int, bool], Wish] = {}
    sent: list[tuple[datetime, int]] = []

    def plan(number: int, wanted: Wish) -> None:
        given_ = assign(book, wanted)
        told = replace(wanted, due_at=given_.due_at, window_end=given_.window_end)
        wishes[number, wanted.is_first] = told
        heapq.heappush(agenda, (given_.due_at, number, wanted.is_first))

    for number, (minute, zone, domain) in enumerate(arrivals):
        plan(number, _wish(accounts, number, MONDAY + minute * timedelta(minutes=1), zone, domain))
    turn = refusals = 0
    while agenda:
        due_at, number, is_first = heapq.heappop(agenda)
        wanted = wishes[number, is_first]
        at = due_at + lateness[turn % len(lateness)] * timedelta(minutes=1)
        turn += 1
        assert at < MONDAY + LONGEST, "it waits for ever"
        book.turn_to(at)
        _no_place_of_its_own(book, wanted)
        again = ledger.refuses(wanted.draw, at) if at < wanted.window_end else at
        if again is not None:
            refusals += 1
            plan(number, _put_off(wanted, again))
            continue
        book.take(wanted.draw, at)
        ledger.left.append((at, wanted.draw))
        sent.append((at, number))
        if is_first:
            _, zone, domain = arrivals[number]
            later = _wish(accounts, number, at + 2 * DAY, zone, domain)
            plan(number, replace(later, is_first=False))
    return sent, refusals


def _wish(accounts: Accounts, number: int, not_before: datetime, zone: str, domain: str) -> Wish:
    return wish(
        accounts, number, account=number % 2, not_before=not_before, zone=zone, is_first=True,
        domain=f"{domain}.example",
    )  # fmt: skip


def _no_place_of_its_own(book: SlotBook, wanted: Wish) -> None:
    """It is in a worker's hands, and in no plan any more."""
    book.release(wanted.draw, wanted.due_at, is_first=wanted.is_first)


def _put_off(wanted: Wish, until: datetime) -> Wish:
    """In its window if that is still open then, else in the next, as delivery does."""
    if until < wanted.window_end:
        return replace(wanted, due_at=until, not_before=until)
    opens = wanted.openings(until)
    return replace(
        wanted, due_at=opens.due_at, not_before=opens.due_at, window_end=opens.window_end
    )
