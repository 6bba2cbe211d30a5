"""Whether a person may enroll, and on which day there is room for one more. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cadenza.calendars import Days, start_of_day
from cadenza.language.cadence import Cadence, EnrollPolicy
from cadenza.timespec import day_of

_LONGEST_AHEAD = timedelta(days=1830)


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Another cadence in which a person is under way."""

    cadence: str
    service: bool


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a policy looks at. ended_at: the last time in this cadence, about this subject.

    touched_at: the last touch of theirs, from whatever cadence.
    """

    ended_at: datetime | None = None
    elsewhere: Sequence[Elsewhere] = ()
    touched_at: datetime | None = None


NO_PAST = Past()


def refusal(cadence: Cadence, past: Past, now: datetime, *, moved_here: bool = False) -> str | None:
    """Why a person with this past may not begin now; None if nothing speaks against it.

    moved_here: they come from another cadence, which has touched them: no cooldown.
    """
    policy = cadence.enroll
    reasons = (
        _again(policy, past, now),
        _exclusive(cadence, past),
        None if moved_here else _cooldown(policy, past, now),
    )
    return next((reason for reason in reasons if reason), None)


def _again(policy: EnrollPolicy, past: Past, now: datetime) -> str | None:
    if past.ended_at is None or policy.again == "always":
        return None
    ended = f"went through this cadence until {past.ended_at:%Y-%m-%d}"
    if policy.again == "never":
        return f"{ended}, and nobody does so twice"
    if now < past.ended_at + policy.again:
        return f"{ended}; again from {past.ended_at + policy.again:%Y-%m-%d} on"
    return None


def _exclusive(cadence: Cadence, past: Past) -> str | None:
    exclusive = cadence.enroll.exclusive
    for other in past.elsewhere:
        if exclusive is True and other.service == cadence.service:
            return f"is under way in {other.cadence}, a cadence of the same class"
        if not isinstance(exclusive, bool) and other.cadence in exclusive:
            return f"is under way in {other.cadence}"
    return None


def _cooldown(policy: EnrollPolicy, past: Past, now: datetime) -> str | None:
    if past.touched_at is None or not policy.cooldown_days:
        return None
    over = past.touched_at + timedelta(days=policy.cooldown_days)
    if now >= over:
        return None
    return f"was touched on {past.touched_at:%Y-%m-%d}; may begin from {over:%Y-%m-%d} on"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Room for one. starts_at: when it begins; None: now."""

    starts_at: datetime | None = None


class Places:
    """How many more may begin, and on which days; whoever gets a place takes it.

    begun: how many begin on each day from today on, in the organisation's
    zone. active: how many are under way.
    """

    def __init__(
        self, policy: EnrollPolicy, days: Days, zone: str, begun: Mapping[date, int], active: int
    ) -> None:
        self._policy = policy
        self._days = days
        self._zone = zone
        self._begun = Counter(begun)
        self._active = active
        self._first_free: date | None = None

    def take(self, now: datetime) -> Place | str:
        """A place, or why there is none."""
        most = self._policy.active
        if most is not None and self._active >= most:
            return f"{most:,} are active in this cadence, as many as may be"
        place = self._dated(now)
        if isinstance(place, Place):
            self._active += 1
        return place

    def _dated(self, now: datetime) -> Place | str:
        most, today = self._policy.per_day, day_of(now, self._zone)
        if most is None:
            return Place()
        first = self._days.first(today)
        if self._policy.when_full == "refuse" and self._begun[first] >= most:
            return f"{most:,} begin on {first}, as many as may in a day"
        day = self._free_day(first, most)
        if day - today > _LONGEST_AHEAD:
            return "every day of the next five years is taken"
        self._begun[day] += 1
        return Place(starts_at=start_of_day(day, self._zone) if day > today else None)

    def _free_day(self, first: date, most: int) -> date:
        day = self._first_free or first
        while self._begun[day] >= most:
            day = self._days.add(day, 1)
        self._first_free = day
        return day
