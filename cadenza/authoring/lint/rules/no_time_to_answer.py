"""Whoever answers the last touch is still heard."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.touches import is_message
from cadenza.model import Outcome
from cadenza.steps.end import EndStep


class NoTimeToAnswer(LintRule):
    """Looks for a message that `end: no_response` follows at once.

    An answer that comes after the end changes the outcome no more.
    """

    name: ClassVar[str] = "no-time-to-answer"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "`end: no_response` right after a message"

    def check(self, case: Case) -> Sequence[Finding]:
        cadence, found = case.cadence, []
        for step in cadence.steps.values():
            end = cadence.steps.get(cadence.following.get(step.step_id, ""))
            if is_message(step) and isinstance(end, EndStep) and end.outcome is Outcome.NO_RESPONSE:
                found.append(
                    self.finding(
                        end.place,
                        f"`{end.step_id}` comes right after `{step.step_id}`, so no answer to it "
                        "can count; add a step such as `wait: 3 days` between them",
                    )
                )
        return found
