"""What a branch asks: `clicked intro within 3 days`, `disposition of call is connected` …

A condition is judged from the state alone: it holds, it does not, or it
is open until a moment that is known.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cadenza.abc import Standing
from cadenza.language.source import did_you_mean, listed
from cadenza.language.step_context import KnownSteps, unknown_step
from cadenza.language.timing import Gap
from cadenza.language.variables import prospect_value
from cadenza.model import EventType
from cadenza.steps.task import TaskStep

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

    def trouble(self, steps: KnownSteps) -> tuple[str, str] | None:
        """What is wrong with it in a cadence of these steps: the word at fault, and the message."""
        del steps
        return None

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

    def trouble(self, steps: KnownSteps) -> tuple[str, str] | None:
        if self.step is None:
            return None
        if self.step not in steps:
            return self.step, unknown_step(self.step, steps)
        step = steps[self.step]
        if step is None or self.event in step.events:
            return None
        return self.step, (
            f"`{self.step}` is a step of kind `{step.name}`; "
            f"`{self.event.replace('_', ' ')}` never comes back about it"
        )

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

    def trouble(self, steps: KnownSteps) -> tuple[str, str] | None:
        if self.step not in steps:
            return self.step, unknown_step(self.step, steps)
        task = steps[self.step]
        if task is None:
            return None
        if not isinstance(task, TaskStep):
            return self.step, f"`{self.step}` is no task; only tasks have a disposition"
        for disposition in sorted(self.dispositions - {*task.dispositions}):
            guess = did_you_mean(disposition, task.dispositions)
            return disposition, (
                f"`{self.step}` has no disposition `{disposition}`{guess}; "
                f"write {listed(task.dispositions)}"
            )
        return None


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

    def trouble(self, steps: KnownSteps) -> tuple[str, str] | None:
        return None if self.step in steps else (self.step, unknown_step(self.step, steps))
