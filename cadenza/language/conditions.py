"""What a branch asks: `clicked intro within 3 days`, `disposition of call is connected` …

A condition is judged from the state alone: it holds, it does not, or it
is open until a moment that is known.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cadenza.abc import Standing
from cadenza.language.timing import Gap
from cadenza.language.variables import prospect_value
from cadenza.model import EventType

_NOTHING: Mapping[str, datetime] = {}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """holds: None while it is open. at: since when that is so, or until when it is open."""

    holds: bool | None
    at: datetime


class Condition(ABC):
    """One `when:` of a branch."""

    @abstractmethod
    def judge(self, standing: Standing) -> Judgement:
        """What is known now. Pure."""

    def steps(self) -> Sequence[str]:
        """The steps that it names."""
        return ()

    def takes_time(self) -> bool:
        """Whether it is open for a while after the step that it names."""
        return False


@dataclass(frozen=True, kw_only=True)
class Happened(Condition):
    """An event came: about `step` if one is named; in time, counted from when that step acted.

    Without a step, the time counts from when the branch was reached.
    """

    event: EventType
    step: str | None
    within: Gap | None
    negated: bool

    def judge(self, standing: Standing) -> Judgement:
        state = standing.state
        happened = self._first(standing)
        if self.within is None:
            return self._known(happened is not None, happened or state.reached_at)
        begun = state.reached_at if self.step is None else self._acted(standing)
        if begun is None:
            # The step was skipped or never reached: nothing will come of it.
            return self._known(happened is not None, happened or state.reached_at)
        days, zone = standing.cadence.days, standing.profile.time_zone
        deadline = self.within.exactly_after(begun, days, zone)
        if happened is not None and happened <= deadline:
            return self._known(True, happened)
        if standing.now >= deadline:
            return self._known(False, deadline)
        return Judgement(holds=None, at=deadline)

    def _known(self, holds: bool, at: datetime) -> Judgement:
        return Judgement(holds=holds != self.negated, at=at)

    def _first(self, standing: Standing) -> datetime | None:
        history = standing.state.history
        if self.step is not None:
            return history.get(self.step, _NOTHING).get(self.event)
        return min((of[self.event] for of in history.values() if self.event in of), default=None)

    def _acted(self, standing: Standing) -> datetime | None:
        of_step = standing.state.history.get(self.step or "", _NOTHING)
        return of_step.get("sent", of_step.get("opened_task"))

    def steps(self) -> Sequence[str]:
        return () if self.step is None else (self.step,)

    def takes_time(self) -> bool:
        return self.within is not None and self.within.takes_time


@dataclass(frozen=True, kw_only=True)
class DispositionIs(Condition):
    """How a task went."""

    step: str
    dispositions: frozenset[str]
    negated: bool

    def judge(self, standing: Standing) -> Judgement:
        of_step = standing.state.history.get(self.step, _NOTHING)
        times = [of_step[f"disposition:{d}"] for d in self.dispositions if _said(of_step, d)]
        at = min(times, default=standing.state.reached_at)
        return Judgement(holds=bool(times) != self.negated, at=at)

    def steps(self) -> Sequence[str]:
        return (self.step,)


def _said(of_step: Mapping[str, datetime], disposition: str) -> bool:
    return f"disposition:{disposition}" in of_step


@dataclass(frozen=True, kw_only=True)
class FieldIs(Condition):
    """What is known of the prospect. values: lower case, any of them; none: any value at all."""

    field: str
    values: frozenset[str]
    negated: bool

    def judge(self, standing: Standing) -> Judgement:
        value = prospect_value(standing.profile, self.field)
        known = "" if value is None else str(value).strip().lower()
        holds = known in self.values if self.values else bool(known)
        return Judgement(holds=holds != self.negated, at=standing.state.reached_at)


@dataclass(frozen=True, kw_only=True)
class Reached(Condition):
    """A step was entered so often; what ends a loop."""

    step: str
    times: int

    def judge(self, standing: Standing) -> Judgement:
        state = standing.state
        return Judgement(holds=state.visits.get(self.step, 0) >= self.times, at=state.reached_at)

    def steps(self) -> Sequence[str]:
        return (self.step,)
