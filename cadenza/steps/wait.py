"""`wait: 2 days` lets time pass."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import GoTo, Standing, StepType, Verdict, WaitUntil
from cadenza.language.fields import Fields
from cadenza.language.step_context import StepContext
from cadenza.language.timing import Gap, days_passed, take_gap


@dataclass(frozen=True, kw_only=True)
class WaitStep(StepType):
    """A pause. One of days ends as its last day begins, so that the whole day is there to act."""

    name: ClassVar[str] = "wait"
    keys: ClassVar[frozenset[str]] = frozenset()

    gap: Gap

    def plan(self, standing: Standing) -> Verdict:
        state, days, zone = standing.state, standing.cadence.days, standing.profile.time_zone
        end = self.gap.day_after(state.reached_at, days, zone)
        if standing.now < end:
            return WaitUntil(at=end)
        passed = days_passed(days, state.reached_at, end, zone)
        return GoTo(step=None, reached_at=end, reached_day=state.reached_day + passed)

    def takes_time(self) -> bool:
        return self.gap.takes_time

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "WaitStep | None":
        gap = take_gap(fields, "wait", context.days)
        if gap is None:
            return None
        return cls(step_id=context.step_id, place=context.place, gap=gap)
