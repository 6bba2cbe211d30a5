"""Every touch has one purpose."""

from collections.abc import Sequence
from typing import ClassVar

from cadenza.authoring.lint.rule import Case, Finding, Level, LintRule
from cadenza.authoring.lint.touches import touches
from cadenza.language.intents import PURPOSES
from cadenza.language.source import listed


class TouchWithoutPurpose(LintRule):
    """Asks for `purpose` at every touch of the prospect.

    "Every contact you make with prospects should have a clear purpose"
    (How to Create a Sales Cadence, step 6).
    """

    name: ClassVar[str] = "touch-without-purpose"
    level: ClassVar[Level] = "advice"
    summary: ClassVar[str] = "a touch that says not what it is for"

    def check(self, case: Case) -> Sequence[Finding]:
        intents, found = case.cadence.intents, {}
        for step in touches(case):
            intent = intents.get(step.step_id)
            if intent is None or intent.purpose is None:
                found[step.place] = self.finding(
                    step.place,
                    f"`{step.step_id}` does not say what it is for; write `purpose:` with one of "
                    f"{listed(PURPOSES)}",
                )
        return list(found.values())
