"""`end: no_response` finishes the enrollment."""

from dataclasses import dataclass
from typing import ClassVar

from cadenza.abc import Standing, StepType
from cadenza.language.fields import Fields
from cadenza.language.step_context import StepContext
from cadenza.model import Finish, Outcome, Verdict, WaitUntil


@dataclass(frozen=True, kw_only=True)
class EndStep(StepType):
    """An end, with its outcome."""

    name: ClassVar[str] = "end"
    keys: ClassVar[frozenset[str]] = frozenset()
    goes_on: ClassVar[bool] = False

    outcome: Outcome

    def plan(self, standing: Standing) -> Verdict:
        if standing.state.reached_at > standing.now:
            return WaitUntil(at=standing.state.reached_at)
        return Finish(outcome=self.outcome)

    @classmethod
    def parse(cls, fields: Fields, context: StepContext) -> "EndStep | None":
        outcome = fields.choice("end", [*Outcome])
        if outcome is None:
            return None
        return cls(step_id=context.step_id, place=context.place, outcome=Outcome(outcome))
