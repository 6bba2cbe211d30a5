"""The last touch says that it is the last."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.abc import StepType
from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.rules.no_resource import SHORT
from cadenza.authoring.lint.touches import quiet_ways, touches
from cadenza.model import Outcome
from cadenza.steps.end import EndStep


class NoClosingUrgency(LintRule):
    """Asks sales cadences that the last touch of whoever never answers has the lever `scarcity`.

    "… and use the urgency technique" (How to Create a Sales Cadence, step 6).
    """

    name: ClassVar[str] = "no-closing-urgency"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "the last touch of a sales cadence lacks the lever `scarcity`"

    def check(self, case: Case) -> Sequence[Finding]:
        cadence = case.cadence
        if cadence.service or len(touches(case)) <= SHORT:
            return ()
        last = {
            stops[-1].step: None
            for way, stops in quiet_ways(case)
            if stops and _is_silent(cadence.steps[way.stops[-1].step])
        }
        return [
            self.finding(
                cadence.steps[step_id].place,
                f"`{step_id}` is the last touch of whoever never answers, and nothing in it is "
                "urgent; write `lever: scarcity` and say in its text what ends, and when",
            )
            for step_id in last
            if step_id not in cadence.intents or cadence.intents[step_id].lever != "scarcity"
        ]


def _is_silent(step: StepType) -> bool:
    return isinstance(step, EndStep) and step.outcome is Outcome.NO_RESPONSE
